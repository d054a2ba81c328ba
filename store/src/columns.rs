//! How the newtypes of `energy_core` lie in BIGINT, BLOB and TEXT columns.
//!
//! Diesel's traits and our newtypes are both foreign here, so three local wrappers stand between
//! them: [`Big`], [`Blob`] and [`Name`], with [`MaybeBig`] and [`MaybeBlob`] for nullable columns.
//! Invariant: a value that a column cannot hold exactly, or that no newtype can be made of, is an
//! error on the way in and on the way out, never a wrap.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Nullable, SingleValue, Text};
use diesel::sqlite::Sqlite;
use energy_core::{
    Address, GatewayId, Hash, HomeId, IntervalLength, IntervalStart, MeterId, MicroPricePerKwh,
    NanoAmount, NetWattHours, OrderId, Side, WattHours, Watts, ZoneId,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A value that has one exact form in a column of type `Raw`.
pub trait Kept<Raw>: Sized {
    /// The form in the column.
    fn keep(&self) -> Result<Raw, Failure>;
    /// The value of a column.
    fn restore(raw: Raw) -> Result<Self, Failure>;
}

macro_rules! wrapper {
    ($name:ident, $raw:ty, $sql:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy)]
        pub struct $name<T>(pub T);

        impl<T> From<T> for $name<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }

        impl<T> AsExpression<$sql> for $name<T> {
            type Expression = Bound<$sql, Self>;

            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<T> AsExpression<Nullable<$sql>> for $name<T> {
            type Expression = Bound<Nullable<$sql>, Self>;

            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<T: Kept<$raw> + std::fmt::Debug> ToSql<$sql, Sqlite> for $name<T> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.keep()?);
                Ok(IsNull::No)
            }
        }

        impl<T: Kept<$raw> + std::fmt::Debug> ToSql<Nullable<$sql>, Sqlite> for $name<T> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                ToSql::<$sql, Sqlite>::to_sql(self, out)
            }
        }

        impl<T: Kept<$raw>, DB: Backend> FromSql<$sql, DB> for $name<T>
        where
            $raw: FromSql<$sql, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                T::restore(<$raw>::from_sql(bytes)?).map(Self)
            }
        }

        impl<T, ST: SingleValue, DB: Backend> Queryable<ST, DB> for $name<T>
        where
            Self: FromSql<ST, DB>,
        {
            type Row = Self;

            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

wrapper!(Big, i64, BigInt, "A value kept in a BIGINT column.");
wrapper!(Blob, Vec<u8>, Binary, "A value kept in a BLOB column.");
wrapper!(Name, String, Text, "A value kept in a TEXT column.");

macro_rules! nullable {
    ($name:ident, $raw:ty, $sql:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy)]
        pub struct $name<T>(pub Option<T>);

        impl<T> From<Option<T>> for $name<T> {
            fn from(value: Option<T>) -> Self {
                Self(value)
            }
        }

        impl<T> AsExpression<Nullable<$sql>> for $name<T> {
            type Expression = Bound<Nullable<$sql>, Self>;

            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<T: Kept<$raw> + std::fmt::Debug> ToSql<Nullable<$sql>, Sqlite> for $name<T> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                match &self.0 {
                    Some(value) => {
                        out.set_value(value.keep()?);
                        Ok(IsNull::No)
                    }
                    None => Ok(IsNull::Yes),
                }
            }
        }

        impl<T: Kept<$raw>, DB: Backend> FromSql<Nullable<$sql>, DB> for $name<T>
        where
            $raw: FromSql<$sql, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                T::restore(<$raw>::from_sql(bytes)?).map(|value| Self(Some(value)))
            }

            fn from_nullable_sql(bytes: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
                bytes.map_or(
                    Ok(Self(None)),
                    <Self as FromSql<Nullable<$sql>, DB>>::from_sql,
                )
            }
        }

        impl<T, ST: SingleValue, DB: Backend> Queryable<ST, DB> for $name<T>
        where
            Self: FromSql<ST, DB>,
        {
            type Row = Self;

            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

nullable!(
    MaybeBig,
    i64,
    BigInt,
    "A value kept in a BIGINT column, or none."
);
nullable!(
    MaybeBlob,
    Vec<u8>,
    Binary,
    "A value kept in a BLOB column, or none."
);

macro_rules! unwrapped {
    ($($wrapper:ident: $($t:ty),+;)+) => {$($(
        impl From<$wrapper<$t>> for $t {
            fn from(column: $wrapper<$t>) -> Self {
                column.0
            }
        }
    )+)+};
}

macro_rules! unwrapped_options {
    ($($wrapper:ident: $($t:ty),+;)+) => {$($(
        impl From<$wrapper<$t>> for Option<$t> {
            fn from(column: $wrapper<$t>) -> Self {
                column.0
            }
        }
    )+)+};
}

unwrapped! {
    Big: WattHours, NanoAmount, MicroPricePerKwh, HomeId, IntervalStart, Side, u64, u32, bool;
    Blob: Hash, MeterId, GatewayId, OrderId, Address, [u8; 32];
    Name: ZoneId;
}
unwrapped_options! {
    MaybeBig: WattHours, MicroPricePerKwh, HomeId, Watts, u64, u32, u16;
    MaybeBlob: Hash;
}

macro_rules! numbers {
    ($($t:ty: $expected:literal, |$v:ident| $keep:expr, |$r:ident| $restore:expr;)+) => {$(
        impl Kept<i64> for $t {
            fn keep(&self) -> Result<i64, Failure> {
                let $v = self;
                i64::try_from($keep).map_err(|_| format!("expected {}, got {:?}", $expected, self).into())
            }

            fn restore($r: i64) -> Result<Self, Failure> {
                $restore.map_err(|_| format!("expected {} in the database, got {}", $expected, $r).into())
            }
        }
    )+};
}

numbers! {
    u64: "a number below 2^63", |v| *v, |r| u64::try_from(r);
    u32: "a number below 2^32", |v| *v, |r| u32::try_from(r);
    u16: "a number below 2^16", |v| *v, |r| u16::try_from(r);
    bool: "0 or 1", |v| u8::from(*v), |r| match r { 0 => Ok(false), 1 => Ok(true), _ => Err(()) };
    WattHours: "energy below 2^63 Wh", |v| v.get(), |r| u64::try_from(r).map(WattHours::new);
    NetWattHours: "an energy difference", |v| v.get(), |r| Ok::<_, ()>(NetWattHours::new(r));
    NanoAmount: "an amount", |v| v.get(), |r| Ok::<_, ()>(NanoAmount::new(r));
    MicroPricePerKwh: "a price", |v| v.get(), |r| Ok::<_, ()>(MicroPricePerKwh::new(r));
    Watts: "a power in W", |v| v.get(), |r| i32::try_from(r).map(Watts::new);
    HomeId: "a home number", |v| v.get(), |r| u32::try_from(r).map(HomeId::new);
    Side: "side 0 (bid) or 1 (ask)", |v| u8::from(*v == Side::Ask),
        |r| match r { 0 => Ok(Side::Bid), 1 => Ok(Side::Ask), _ => Err(()) };
    IntervalStart: "a time on the raster of a minute", |v| v.seconds(),
        |r| IntervalLength::new(60).and_then(|minute| minute.start_at(r));
}

macro_rules! byte_strings {
    ($($t:ty: $len:literal),+) => {$(
        impl Kept<Vec<u8>> for $t {
            fn keep(&self) -> Result<Vec<u8>, Failure> {
                Ok(self.as_bytes().to_vec())
            }

            fn restore(raw: Vec<u8>) -> Result<Self, Failure> {
                <[u8; $len]>::try_from(raw.as_slice())
                    .map(<$t>::new)
                    .map_err(|_| format!("expected {} bytes in the database, got {}", $len, raw.len()).into())
            }
        }
    )+};
}

byte_strings!(Hash: 32, MeterId: 16, GatewayId: 16, OrderId: 16, Address: 20);

impl Kept<Vec<u8>> for [u8; 32] {
    fn keep(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.to_vec())
    }

    fn restore(raw: Vec<u8>) -> Result<Self, Failure> {
        let got = raw.len();
        Self::try_from(raw)
            .map_err(|_| format!("expected 32 bytes in the database, got {got}").into())
    }
}

impl Kept<String> for ZoneId {
    fn keep(&self) -> Result<String, Failure> {
        Ok(self.as_str().to_owned())
    }

    fn restore(raw: String) -> Result<Self, Failure> {
        Ok(Self::new(raw)?)
    }
}

/// Gives an enum its codes in BIGINT columns. Codes are never reused.
macro_rules! coded {
    ($t:ty, $expected:literal: $($variant:ident = $code:literal),+) => {
        impl $crate::columns::Kept<i64> for $t {
            fn keep(&self) -> std::result::Result<i64, Box<dyn std::error::Error + Send + Sync>> {
                Ok(match self { $(Self::$variant => $code),+ })
            }

            fn restore(raw: i64) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                match raw {
                    $($code => Ok(Self::$variant),)+
                    other => Err(format!("expected {} in the database, got code {other}", $expected).into()),
                }
            }
        }

        impl From<$crate::columns::Big<$t>> for $t {
            fn from(column: $crate::columns::Big<$t>) -> Self {
                column.0
            }
        }
    };
}
pub(crate) use coded;

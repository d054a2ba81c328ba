//! Numbers in registers: which words, in which order, and what they mean.

use crate::number::{Exact, NumberError};
use crate::plan::{ReadRequest, term_spans};
use crate::profile::{Kind, Place, Point, WordOrder};
use crate::sunspec::Layout;

use super::{Registers, Shown, ValueError, added};

/// `sunssf` "not implemented".
const SCALE_ABSENT: u16 = 0x8000;

/// Where the registers of a point are in a device.
pub(super) struct Located {
    /// Each term's registers, and whether it is subtracted.
    terms: Vec<(ReadRequest, bool)>,
    kind: Kind,
    order: WordOrder,
    scale: Option<ReadRequest>,
}

impl Located {
    /// All registers that the value comes from.
    pub(super) fn requests(&self) -> impl Iterator<Item = &ReadRequest> {
        self.terms.iter().map(|(at, _)| at).chain(&self.scale)
    }
}

/// Where a point is in a device of this layout, none where the device does not have it.
pub(super) fn located(point: &Point, layout: &Layout) -> Option<Located> {
    match &point.place {
        Place::Registers {
            kind, order, terms, ..
        } => Some(Located {
            terms: term_spans(point)
                .into_iter()
                .zip(terms.iter().map(|term| term.minus))
                .collect(),
            kind: *kind,
            order: *order,
            scale: None,
        }),
        Place::Model {
            model,
            kind,
            terms,
            scale_offset,
        } => {
            let model = layout.model(*model)?;
            let at = |offset: u16, count| {
                let address = model.address.checked_add(offset)?;
                let is_there = model.holds(offset, count);
                is_there.then_some(ReadRequest::holding(address, count))
            };
            let each = terms.iter();
            let each = each.map(|term| Some((at(term.at, kind.registers())?, term.minus)));
            Some(Located {
                terms: each.collect::<Option<_>>()?,
                kind: *kind,
                order: WordOrder::Big,
                scale: match scale_offset {
                    Some(offset) => Some(at(*offset, 1)?),
                    None => None,
                },
            })
        }
        Place::Message(_) => None,
    }
}

/// The words of a point as they came, those that did.
pub(super) fn raw(place: &Located, registers: &Registers) -> Vec<u16> {
    let each = place.requests().filter_map(|at| registers.get(at));
    each.flatten().copied().collect()
}

/// What a point shows, none where a part of it is not available.
pub(super) fn shown(
    point: &Point,
    place: &Located,
    registers: &Registers,
) -> Result<Option<Shown>, ValueError> {
    let words = |request: &ReadRequest| {
        let address = request.address;
        registers
            .get(request)
            .ok_or(ValueError::NotRead { address })
    };
    let factor = match &place.scale {
        None => 0,
        Some(scale) => match words(scale)?
            .first()
            .copied()
            .unwrap_or(SCALE_ABSENT)
            .cast_signed()
        {
            // Without its scale factor a value is not known.
            i16::MIN => return Ok(None),
            factor @ -10..=10 => factor,
            got => return Err(ValueError::ScaleFactor { got }),
        },
    };
    let mut sum = None;
    for (at, minus) in &place.terms {
        let number = number(place.kind, place.order, words(at)?, &point.sentinels)?;
        let Some(number) = number else {
            return Ok(None);
        };
        sum = Some(added(point, sum, number.shifted(factor.into()), *minus)?);
    }
    // An accumulator begins anew after the last value of its register, in the unit that its scale
    // factor gives it at present. A sum of several has no such value.
    if let (Some(sum), Some(values), [_]) = (&mut sum, place.kind.modulus(), &*place.terms) {
        let wrap = Exact::int(values.into()).shifted(factor.into());
        sum.wrap = wrap.rounded(point.scale)?.try_into().ok();
    }
    Ok(sum)
}

/// The number in these registers, none for a sentinel.
pub(super) fn number(
    kind: Kind,
    order: WordOrder,
    words: &[u16],
    sentinels: &[i64],
) -> Result<Option<Exact>, NumberError> {
    let join = |bits: u64, word: &u16| bits.wrapping_shl(16) | u64::from(*word);
    let bits = match order {
        WordOrder::Big => words.iter().fold(0, join),
        WordOrder::Little => words.iter().rev().fold(0, join),
    };
    let low32 = u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
    let low16 = u16::try_from(bits & 0xffff).unwrap_or(0);
    let mask = match kind.registers() {
        1 => 0xffff,
        2 => 0xffff_ffff,
        _ => u64::MAX,
    };
    if sentinels
        .iter()
        .any(|s| s.cast_unsigned() & mask == bits & mask)
    {
        return Ok(None);
    }
    let unless = |sentinel: bool, value: i128| (!sentinel).then_some(Exact::int(value));
    Ok(match kind {
        Kind::U16 | Kind::Acc16 => unless(low16 == u16::MAX, low16.into()),
        Kind::I16 => unless(low16 == 0x8000, low16.cast_signed().into()),
        Kind::U32 | Kind::Acc32 => unless(low32 == u32::MAX, low32.into()),
        Kind::I32 => unless(low32 == 0x8000_0000, low32.cast_signed().into()),
        Kind::U64 | Kind::Acc64 => unless(bits == u64::MAX, bits.into()),
        Kind::I64 => unless(bits == 1 << 63, bits.cast_signed().into()),
        Kind::F32 => Exact::f32_bits(low32)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Ratio;

    fn value(kind: Kind, order: WordOrder, words: &[u16]) -> Option<i64> {
        number(kind, order, words, &[])
            .expect("finite")
            .map(|n| n.rounded(Ratio::ONE).expect("small"))
    }

    #[test]
    fn every_kind_in_both_orders() {
        use WordOrder::{Big, Little};
        assert_eq!(value(Kind::U16, Big, &[0xfffe]), Some(65_534));
        assert_eq!(value(Kind::I16, Big, &[0xfffe]), Some(-2));
        assert_eq!(value(Kind::U32, Big, &[1, 2]), Some(65_538));
        assert_eq!(value(Kind::U32, Little, &[1, 2]), Some(131_073));
        assert_eq!(value(Kind::I32, Little, &[0xfffe, 0xffff]), Some(-2));
        assert_eq!(value(Kind::U64, Big, &[0, 0, 1, 0]), Some(65_536));
        assert_eq!(value(Kind::U64, Little, &[0, 1, 0, 0]), Some(65_536));
        assert_eq!(
            value(Kind::I64, Big, &[0xffff, 0xffff, 0xffff, 0xffff]),
            Some(-1)
        );
        assert_eq!(value(Kind::F32, Big, &[0x4366, 0x3334]), Some(230));
        assert_eq!(value(Kind::F32, Little, &[0x3334, 0x4366]), Some(230));
    }

    #[test]
    fn a_sentinel_is_absent_and_never_zero() {
        let sentinels: [(Kind, &[u16]); 10] = [
            (Kind::U16, &[0xffff]),
            (Kind::I16, &[0x8000]),
            (Kind::U32, &[0xffff, 0xffff]),
            (Kind::I32, &[0x8000, 0]),
            (Kind::U64, &[0xffff; 4]),
            (Kind::I64, &[0x8000, 0, 0, 0]),
            (Kind::F32, &[0x7fc0, 0]),
            (Kind::Acc16, &[0xffff]),
            (Kind::Acc32, &[0xffff, 0xffff]),
            (Kind::Acc64, &[0xffff; 4]),
        ];
        for (kind, words) in sentinels {
            assert_eq!(value(kind, WordOrder::Big, words), None, "{kind:?}");
        }
    }

    #[test]
    fn a_sentinel_of_the_profile_is_compared_after_the_word_order() {
        let number = |kind, order, words: &[u16], sentinel| {
            number(kind, order, words, &[sentinel]).expect("finite")
        };
        let little = [0xffff, 0x7fff];
        assert_eq!(
            number(Kind::I32, WordOrder::Little, &little, 0x7fff_ffff),
            None
        );
        assert!(number(Kind::I32, WordOrder::Big, &little, 0x7fff_ffff).is_some());
        // SolarEdge: the most negative single stands for "not available".
        assert_eq!(
            number(Kind::F32, WordOrder::Little, &[0xffff, 0xff7f], 0xff7f_ffff),
            None
        );
        assert_eq!(number(Kind::I16, WordOrder::Big, &[0xffff], -1), None);
        let max64 = [0x7fff, 0xffff, 0xffff, 0xffff];
        assert_eq!(number(Kind::U64, WordOrder::Big, &max64, i64::MAX), None);
    }
}

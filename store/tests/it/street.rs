//! A street of two homes: home 1 has a roof, home 2 only uses.

use clearing_house::accept::MeterRole;
use clearing_house::{
    Closing, Fees, HomeInput, IntervalEnergy, IntervalOutcome, Ledger, Mechanism, PricePreference,
    Tariff, Wishes, ZoneRules, settle_interval,
};
use energy_core::{
    Address, ClockState, GatewayId, Hash, HomeId, IntervalLength, IntervalStart, MeterId,
    MicroPricePerKwh, NanoAmount, Quality, RawEvidence, Reading, ReadingBatch, RefusalReason,
    SigningKey, WattHours, ZoneDocument, ZoneId,
};
use store::{AcceptedBatch, GatewayRecord, HomeRecord, Lease, MeterRecord, Store};

/// 2026-06-15T09:00:00Z.
pub(crate) const START_S: i64 = 1_781_514_000;

pub(crate) struct Street {
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl Street {
    /// A new store in a new folder, with nothing in it.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(&folder.path().join("commonwatt.db")).expect("new store");
        Self { store, folder }
    }

    /// With the zone, two homes, a gateway each and three meters.
    pub(crate) fn new() -> Self {
        let street = Self::empty();
        street.fill(2);
        street
    }

    /// Registers this many homes. May be done twice.
    pub(crate) fn fill(&self, homes: u32) {
        let store = &self.store;
        store.put_zone(&zone(), &"rules").expect("zone");
        for n in 1..=homes {
            store.put_gateway(&gateway_record(n)).expect("gateway");
            store.put_home(&home_record(n)).expect("home");
            store
                .put_meter(&meter_record(n, MeterRole::ConnectionPoint))
                .expect("meter");
        }
        store
            .put_meter(&meter_record(1, MeterRole::Generation))
            .expect("meter");
    }

    /// Closes the store and opens it again, as after a crash.
    pub(crate) fn reopened(self) -> Self {
        let Self { store, folder } = self;
        drop(store);
        let store = Store::open(&folder.path().join("commonwatt.db")).expect("old store");
        Self { store, folder }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.store
            .take_lease(&zone(), "test", 0, 1_000)
            .expect("taken")
            .expect("free")
    }
}

pub(crate) fn zone() -> ZoneId {
    ZoneId::new("elm-street").expect("a name")
}

pub(crate) fn gateway(n: u32) -> GatewayId {
    GatewayId::derived("gateway", &n.to_be_bytes())
}

pub(crate) fn meter(n: u32, role: MeterRole) -> MeterId {
    MeterId::derived(
        if role == MeterRole::ConnectionPoint {
            "connection"
        } else {
            "roof"
        },
        &n.to_be_bytes(),
    )
}

pub(crate) fn connection(n: u32) -> MeterId {
    meter(n, MeterRole::ConnectionPoint)
}

pub(crate) fn address(n: u32) -> Address {
    Address::derived("home", &n.to_be_bytes())
}

pub(crate) fn home_record(n: u32) -> HomeRecord {
    let name = format!("House {n}");
    HomeRecord::new(
        HomeId::new(n),
        zone(),
        name,
        address(n),
        &PricePreference::default(),
    )
    .expect("has a JSON form")
}

pub(crate) fn gateway_record(n: u32) -> GatewayRecord {
    let name = format!("Gateway {n}");
    GatewayRecord {
        gateway: gateway(n),
        zone: zone(),
        name,
        public_key: key(n).verifying_key().to_bytes(),
    }
}

pub(crate) fn meter_record(n: u32, role: MeterRole) -> MeterRecord {
    MeterRecord {
        meter: meter(n, role),
        home: HomeId::new(n),
        gateway: gateway(n),
        role,
        profile: "sdm630".to_owned(),
        power_w_max: 24_000,
        frozen: false,
    }
}

fn key(n: u32) -> SigningKey {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    SigningKey::from_seed(&seed)
}

pub(crate) fn start(n: i64) -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(START_S + 900 * n)
        .expect("aligned")
}

pub(crate) fn document() -> ZoneDocument {
    let (chain_id, settlement) = (31_337, address(99));
    ZoneDocument {
        zone: zone(),
        chain_id,
        settlement,
        valid_from: start(0),
        interval: IntervalLength::QUARTER_HOUR,
    }
}

/// A reading of a connection-point meter.
pub(crate) fn reading(
    meter: MeterId,
    sequence: u64,
    time_ms: i64,
    import: u64,
    export: u64,
) -> Reading {
    Reading {
        version: Reading::VERSION,
        meter,
        sequence,
        time_ms: u64::try_from(time_ms).expect("after 1970"),
        clock: ClockState::Stepped,
        clock_error_ms: 0,
        import: Some(WattHours::new(import)),
        export: Some(WattHours::new(export)),
        pv: None,
        charge: None,
        discharge: None,
        power: None,
        voltage_mv: [Some(230_000), None, None],
        frequency_mhz: None,
        soc_permille: None,
        quality: Quality::GOOD,
        resolution: WattHours::new(1),
        profile: [7; 8],
        raw: RawEvidence::Digest(Hash::ZERO),
        previous: Hash::ZERO,
    }
}

pub(crate) fn batch(n: u32, sequence: u64, previous: Hash, readings: Vec<Reading>) -> ReadingBatch {
    ReadingBatch::sign(
        &key(n),
        &document().hash(),
        gateway(n),
        sequence,
        previous,
        readings,
    )
    .expect("signed")
}

pub(crate) fn accepted(batch: &ReadingBatch) -> AcceptedBatch {
    judged(batch, &vec![None; batch.readings().len()])
}

pub(crate) fn judged(batch: &ReadingBatch, verdicts: &[Option<RefusalReason>]) -> AcceptedBatch {
    AcceptedBatch::new(batch, document().hash(), start(0).millis(), verdicts)
        .expect("as many verdicts")
}

pub(crate) fn rules() -> ZoneRules {
    let price = MicroPricePerKwh::new;
    ZoneRules {
        zone: zone(),
        interval: IntervalLength::QUARTER_HOUR,
        tariff: Tariff::flat(price(300_000), price(80_000)),
        fees: Fees {
            buyer: price(5_000),
            seller: price(5_000),
        },
        mechanism: Mechanism::default(),
        k_ppm: 500_000,
        cutoff_s: 60,
        credit_limit: NanoAmount::ZERO,
        order_secret: [7; 32],
    }
}

/// An interval in which the homes took and fed in so much (Wh).
pub(crate) fn outcome(
    interval: IntervalStart,
    ledger: &Ledger,
    energies: &[(u64, u64)],
) -> IntervalOutcome {
    outcome_under(&rules(), interval, ledger, energies)
}

/// The same under other rules.
pub(crate) fn outcome_under(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    energies: &[(u64, u64)],
) -> IntervalOutcome {
    let input = |(n, (import, export)): (u32, &(u64, u64))| HomeInput {
        home: HomeId::new(n),
        meter: connection(n),
        preference: PricePreference::default(),
        wishes: Wishes::default(),
        energy: Some(IntervalEnergy {
            import: WattHours::new(*import),
            export: WattHours::new(*export),
            substituted: false,
        }),
        generated_so_far: None,
        has_generation_meter: false,
        has_battery: false,
        soc_permille: None,
        escrow: NanoAmount::new(10_000_000_000),
        closing: Some(Closing {
            sequence: 7,
            hash: Hash::new([u8::try_from(n).expect("few homes"); 32]),
        }),
    };
    let homes: Vec<HomeInput> = (1_u32..).zip(energies).map(input).collect();
    settle_interval(rules, interval, ledger, &homes).expect("settled")
}

//! The store as the source: a real interval in a temporary database.

use ::store::{
    GatewayRecord, HomeRecord, IntervalRecord, MeterRecord, Store, UserRecord, UserRole,
};
use clearing_house::accept::MeterRole;
use clearing_house::{
    Fees, HomeInput, IntervalEnergy, Ledger, Mechanism, PricePreference, Tariff, Wishes, ZoneRules,
    settle_interval,
};
use energy_core::{
    Address, GatewayId, HomeId, IntervalLength, MeterId, MicroPricePerKwh, NanoAmount, Side,
    WattHours, ZoneId,
};
use web::facts::{IntervalState, PriceRule, Role};
use web::{Source, SourceError, StoreSource};

const START_S: i64 = 1_781_514_000;

fn rules() -> ZoneRules {
    let price = MicroPricePerKwh::new;
    ZoneRules {
        zone: ZoneId::new("elm-street").expect("a name"),
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

fn input(n: u32, import: u64, export: u64) -> HomeInput {
    let energy = IntervalEnergy {
        import: WattHours::new(import),
        export: WattHours::new(export),
        substituted: false,
    };
    HomeInput {
        home: HomeId::new(n),
        meter: MeterId::derived("meter", &n.to_be_bytes()),
        preference: PricePreference::default(),
        wishes: Wishes::default(),
        energy: Some(energy),
        generated_so_far: None,
        has_generation_meter: false,
        has_battery: false,
        soc_permille: None,
        escrow: NanoAmount::new(10_000_000_000),
        closing: None,
    }
}

/// Home 1 fed in 500 Wh, home 2 took 400 Wh.
fn street(store: &Store) -> StoreSource {
    let rules = rules();
    let zone = &rules.zone;
    store.put_zone(zone, &rules).expect("kept");
    let gateway = GatewayId::derived("gateway", b"1");
    let record = GatewayRecord {
        gateway,
        zone: zone.clone(),
        name: "gateway".to_owned(),
        public_key: [3; 32],
    };
    store.put_gateway(&record).expect("kept");
    for n in [1, 2] {
        let address = Address::derived("home", &[n]);
        let home = HomeRecord::new(
            HomeId::new(n.into()),
            zone.clone(),
            format!("Home {n}"),
            address,
            &PricePreference::default(),
        );
        store.put_home(&home.expect("a home")).expect("kept");
        let meter = MeterRecord {
            meter: MeterId::derived("meter", &u32::from(n).to_be_bytes()),
            home: HomeId::new(n.into()),
            gateway,
            role: MeterRole::ConnectionPoint,
            profile: "sdm630".to_owned(),
            power_w_max: 20_000,
            frozen: false,
        };
        store.put_meter(&meter).expect("kept");
    }
    let start = rules.interval.start_at(START_S).expect("on the raster");
    let outcome = settle_interval(
        &rules,
        start,
        &Ledger::default(),
        &[input(1, 0, 500), input(2, 400, 0)],
    );
    let lease = store
        .take_lease(zone, "test", 0, 1_000)
        .expect("asked")
        .expect("free");
    let record = IntervalRecord::new(
        outcome.expect("cleared"),
        start.next(rules.interval),
        START_S * 1_000,
    );
    store.record_interval(&lease, &record).expect("kept");
    StoreSource::new(store.clone(), &rules)
}

#[test]
fn a_cleared_interval_reads_the_same_from_every_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("test.db")).expect("opened");
    let source = street(&store);
    let interval = source.newest_interval().expect("asked").expect("cleared");
    assert_eq!(
        (
            interval.traded.get(),
            interval.from_utility.get(),
            interval.to_utility.get()
        ),
        (400, 0, 100)
    );
    assert_eq!(
        (interval.state, interval.homes, interval.batch),
        (IntervalState::Cleared, 2, None)
    );
    let homes = source.interval_homes(interval.start).expect("asked");
    let saved = homes.iter().map(|h| h.saved().get()).sum::<i64>();
    assert_eq!(interval.saved.get(), saved);
    assert!(
        homes
            .iter()
            .all(|h| h.saved().get() > 0 && !h.reason.is_empty())
    );
    assert_eq!(homes[0].filled(Side::Ask), homes[1].filled(Side::Bid));
    let line = source
        .home_intervals(HomeId::new(1), START_S, START_S + 900)
        .expect("asked");
    assert_eq!(line, homes[..1]);
    let book = source.book(interval.start).expect("asked").expect("a book");
    assert_eq!((book.orders.len(), book.price), (2, interval.price));
    // No reading is kept, so the meters know nothing of what the ledger says: the audit must say so.
    let audit = source.audit(START_S, START_S + 900).expect("asked");
    assert_eq!(
        (
            audit[0].metered_wh,
            audit[0].ledger_wh,
            audit[0].energy_difference_wh
        ),
        (0, 500, 500)
    );
    assert_eq!(
        (audit[0].chain_wh, audit[0].cash_difference_nano),
        (None, 0)
    );
    let balance = source
        .balance(HomeId::new(1), None)
        .expect("asked")
        .expect("known");
    assert!(balance.at_final.batch.is_none() && balance.free_funds.get() > 0);
    assert!(
        source
            .balance(HomeId::new(9), None)
            .expect("asked")
            .is_none()
    );
    assert_eq!(source.meters().expect("asked").len(), 2);
}

#[test]
fn preferences_and_log_ins_go_through_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("test.db")).expect("opened");
    let source = street(&store);
    let home = HomeId::new(1);
    assert_eq!(source.homes().expect("asked")[0].rule, PriceRule::Balanced);
    let price = MicroPricePerKwh::new;
    let own = PriceRule::Own {
        sell_above: price(120_000),
        buy_below: price(250_000),
    };
    assert_eq!(source.set_rule(home, 1, own).expect("changed"), 2);
    assert_eq!(source.homes().expect("asked")[0].rule, own);
    let late = source.set_rule(home, 1, PriceRule::Green);
    assert!(matches!(
        late,
        Err(SourceError::Conflict {
            expected: 1,
            current: 2
        })
    ));
    let user = UserRecord {
        login: "home-1".to_owned(),
        password_hash: "x".to_owned(),
        role: UserRole::Household,
        home: Some(home),
    };
    store.put_user(&user).expect("kept");
    source
        .keep_session([5; 32], "home-1", 0, 100)
        .expect("kept");
    let whose = source.session([5; 32], 50).expect("asked");
    assert_eq!(whose, Some(("home-1".to_owned(), Role::Household(home))));
    assert_eq!(source.session([5; 32], 100).expect("asked"), None);
    source.end_session([5; 32]).expect("ended");
    assert_eq!(source.session([5; 32], 50).expect("asked"), None);
}

//! Zones, homes, meters, log-ins.

use clearing_house::PricePreference;
use clearing_house::accept::MeterRole;
use energy_core::{Hash, HomeId, MicroPricePerKwh, ZoneDocument};
use store::{
    HomeRecord, Invitation, MeterRecord, Redeemed, Redeemer, StoreError, UserRecord, UserRole,
    Written,
};

use crate::street::{
    Street, address, connection, document, gateway, home_record, meter_record, start, zone,
};

#[test]
fn registering_twice_changes_nothing_and_otherwise_is_refused() {
    let street = Street::new();
    street.fill(2);
    let store = &street.store;
    assert_eq!(
        store.put_home(&home_record(1)).expect("same"),
        Written::Already
    );
    let renamed = HomeRecord {
        name: "Another house".to_owned(),
        ..home_record(1)
    };
    assert!(matches!(
        store.put_home(&renamed),
        Err(StoreError::Conflict { what: "home", .. })
    ));
    assert!(matches!(
        store.put_zone(&zone(), &"other rules"),
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(store.zone_rules::<String>(&zone()).expect("kept"), "rules");
    assert_eq!(store.zones().expect("listed"), [zone()]);
    assert_eq!(store.homes(&zone()).expect("listed").len(), 2);
    assert_eq!(
        store
            .home_of_address(&address(2))
            .expect("found")
            .map(|home| home.home),
        Some(HomeId::new(2))
    );
    assert_eq!(store.gateways(&zone()).expect("listed").len(), 2);
    assert_eq!(
        store
            .gateway(&gateway(1))
            .expect("found")
            .map(|found| found.gateway),
        Some(gateway(1))
    );
}

#[test]
fn a_home_has_one_connection_point() {
    let street = Street::new();
    let roles: Vec<MeterRole> = street
        .store
        .meters_of_home(HomeId::new(1))
        .expect("listed")
        .iter()
        .map(|meter| meter.role)
        .collect();
    assert_eq!(roles, [MeterRole::ConnectionPoint, MeterRole::Generation]);
    let second = MeterRecord {
        meter: connection(77),
        ..meter_record(1, MeterRole::ConnectionPoint)
    };
    assert!(matches!(
        street.store.put_meter(&second),
        Err(StoreError::Database(_))
    ));
    assert_eq!(street.store.meters(&zone()).expect("listed").len(), 3);
}

#[test]
fn two_changes_of_one_preference_are_noticed() {
    let street = Street::new();
    let (store, home) = (&street.store, HomeId::new(1));
    let price = MicroPricePerKwh::new;
    let limits = PricePreference::limits(price(120_000), price(250_000)).expect("in order");
    assert_eq!(store.change_preference(home, 1, &limits).expect("first"), 2);
    let late = store.change_preference(home, 1, &PricePreference::default());
    assert!(matches!(
        late,
        Err(StoreError::PreferenceChanged {
            expected: 1,
            current: 2,
            ..
        })
    ));
    let kept = store.home(home).expect("found").expect("there");
    assert_eq!(
        kept.preference::<PricePreference>().expect("readable"),
        limits
    );
    // A restart that registers the home again does not take the choice back.
    assert_eq!(
        store.put_home(&home_record(1)).expect("same"),
        Written::Already
    );
    assert_eq!(
        store
            .home(home)
            .expect("found")
            .expect("there")
            .preference_version,
        2
    );
    assert!(matches!(
        store.change_preference(HomeId::new(9), 1, &limits),
        Err(StoreError::Unknown { .. })
    ));
}

#[test]
fn zone_documents_stay_valid_beside_each_other() {
    let street = Street::new();
    let store = &street.store;
    let later = ZoneDocument {
        valid_from: start(4),
        ..document()
    };
    assert_eq!(
        store.put_zone_document(&document()).expect("first"),
        Written::New
    );
    assert_eq!(
        store.put_zone_document(&later).expect("second"),
        Written::New
    );
    assert_eq!(
        store.put_zone_document(&later).expect("again"),
        Written::Already
    );
    let other = ZoneDocument {
        chain_id: 1,
        ..document()
    };
    assert!(matches!(
        store.put_zone_document(&other),
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(
        store.zone_documents(&zone()).expect("listed"),
        [document(), later.clone()]
    );
    assert_eq!(
        store.zone_document(&later.hash()).expect("found"),
        Some(later)
    );
}

#[test]
fn a_session_ends() {
    let street = Street::new();
    let store = &street.store;
    let user = UserRecord {
        login: "home1".to_owned(),
        password_hash: "$argon2id$…".to_owned(),
        role: UserRole::Household,
        home: Some(HomeId::new(1)),
    };
    assert_eq!(store.put_user(&user).expect("new"), Written::New);
    assert_eq!(store.put_user(&user).expect("same"), Written::Already);
    let operator = UserRecord {
        role: UserRole::Operator,
        home: None,
        ..user.clone()
    };
    assert!(matches!(
        store.put_user(&operator),
        Err(StoreError::Conflict { .. })
    ));
    let homeless = UserRecord {
        login: "nobody".to_owned(),
        home: None,
        ..user.clone()
    };
    assert!(
        store.put_user(&homeless).is_err(),
        "a household log-in has a home"
    );

    let token = Hash::new([1; 32]);
    store
        .open_session(&token, "home1", 100, 200)
        .expect("opened");
    assert_eq!(store.session_user(&token, 199).expect("asked"), Some(user));
    assert_eq!(store.session_user(&token, 200).expect("asked"), None);
    assert_eq!(
        store.session_user(&Hash::new([2; 32]), 100).expect("asked"),
        None
    );
    store.close_session(&token).expect("closed");
    store.close_session(&token).expect("closed twice");
    assert_eq!(store.session_user(&token, 199).expect("asked"), None);
    assert!(store.open_session(&token, "stranger", 100, 200).is_err());
}

#[test]
fn an_invitation_is_redeemed_once_and_by_one_key() {
    let street = Street::new();
    street.fill(2);
    let store = &street.store;
    let token_hash = Hash::new([7; 32]);
    let invitation = |home, expires_s| Invitation {
        token_hash,
        home: HomeId::new(home),
        role: MeterRole::Storage,
        profile: "sunspec".to_owned(),
        expires_s,
    };
    assert!(matches!(
        store.invite(&invitation(99, 200), 100),
        Err(StoreError::Unknown { what: "home", .. })
    ));
    store.invite(&invitation(2, 200), 100).expect("kept");
    let who = |n: u8| Redeemer {
        gateway: gateway(u32::from(n) + 50),
        public_key: [n; 32],
    };
    let redeem = |hash: &Hash, n, now_s| store.redeem(hash, &who(n), now_s, 43_000).expect("asked");
    assert_eq!(redeem(&Hash::new([8; 32]), 1, 150), Redeemed::Unknown);
    assert_eq!(redeem(&token_hash, 1, 200), Redeemed::Unknown, "too late");
    let Redeemed::Enrolled(meter) = redeem(&token_hash, 1, 199) else {
        panic!("in time");
    };
    assert_eq!(meter.home, HomeId::new(2));
    assert_eq!(meter.gateway, who(1).gateway);
    // The answer was lost, and the time is over: the same key is still answered, another is not.
    assert_eq!(redeem(&token_hash, 1, 500), Redeemed::Enrolled(meter));
    assert_eq!(redeem(&token_hash, 2, 150), Redeemed::Used);
}

#[test]
fn a_meter_changes_hands_and_thaws() {
    let street = Street::new();
    street.fill(1);
    let store = &street.store;
    let meter = store.meters_of_home(HomeId::new(1)).expect("listed")[0].clone();
    store.set_frozen(&meter.meter, true).expect("frozen");
    let token_hash = Hash::new([9; 32]);
    let invitation = Invitation {
        token_hash,
        home: HomeId::new(1),
        role: MeterRole::ConnectionPoint,
        profile: String::new(),
        expires_s: 10,
    };
    store.invite(&invitation, 0).expect("kept");
    let who = Redeemer {
        gateway: gateway(77),
        public_key: [3; 32],
    };
    let after = store
        .redeem(&token_hash, &who, 5, 43_000)
        .expect("redeemed");
    let want = MeterRecord {
        gateway: gateway(77),
        frozen: false,
        ..meter
    };
    assert_eq!(after, Redeemed::Enrolled(want));
}

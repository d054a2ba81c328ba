//! The store's own life: opening, epochs, the clock, agreements, durability.

use store::{Durability, Store, StoreError, Written};

use crate::street::Street;

#[test]
fn a_store_keeps_its_epoch_and_another_has_another() {
    let street = Street::empty();
    let epoch = street.store.epoch().expect("has one");
    let street = street.reopened();
    assert_eq!(street.store.epoch().expect("kept"), epoch);
    assert_ne!(Street::empty().store.epoch().expect("has one"), epoch);
    let begun = street.store.begin_epoch().expect("begun");
    assert_ne!(begun, epoch);
    assert_eq!(street.reopened().store.epoch().expect("kept"), begun);
}

#[test]
fn one_process_at_a_time_has_the_file() {
    let street = Street::empty();
    let path = street.folder.path().join("commonwatt.db");
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
    street.reopened();
}

#[test]
fn the_grid_clock_never_goes_back() {
    let street = Street::empty();
    assert_eq!(street.store.grid_boundary_ms().expect("readable"), None);
    street.store.commit_grid_boundary(2_000).expect("first");
    street.store.commit_grid_boundary(2_000).expect("again");
    assert!(matches!(
        street.store.commit_grid_boundary(1_000),
        Err(StoreError::ClockBackwards { .. })
    ));
    let street = street.reopened();
    assert_eq!(
        street.store.grid_boundary_ms().expect("readable"),
        Some(2_000)
    );
}

#[test]
fn other_parameters_are_refused_by_name_and_value() {
    let street = Street::empty();
    assert_eq!(
        street.store.agree("seed", "7").expect("first"),
        Written::New
    );
    let street = street.reopened();
    assert_eq!(
        street.store.agree("seed", "7").expect("same"),
        Written::Already
    );
    let message = street
        .store
        .agree("seed", "8")
        .expect_err("other")
        .to_string();
    assert!(message.contains("seed = 7, not 8"), "{message}");
    assert_eq!(
        street.store.agreed("seed").expect("readable").as_deref(),
        Some("7")
    );
}

#[test]
fn the_history_is_complete_once_it_is() {
    let street = Street::empty();
    assert!(!street.store.is_history_complete().expect("readable"));
    street
        .store
        .set_durability(Durability::Relaxed)
        .expect("relaxed");
    street.store.set_history_complete().expect("set");
    street
        .store
        .set_durability(Durability::Fsync)
        .expect("strict");
    assert!(
        street
            .reopened()
            .store
            .is_history_complete()
            .expect("readable")
    );
}

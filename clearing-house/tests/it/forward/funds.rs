//! Everybody can pay over a span: what is reserved, what is cut, what is released.

use std::collections::BTreeMap;

use clearing_house::CutReason;
use clearing_house::forward::{
    ForwardBook, ForwardClearing, ForwardRules, Refusal, clear_forward_interval,
};
use energy_core::{HomeId, NanoAmount, Side};

use super::{RICH, all_have, book_of, gate, id, rules, terms, with_tariff};
use crate::zone::quarter;

const BID: Side = Side::Bid;
const ASK: Side = Side::Ask;

fn reserved(book: &ForwardBook, home: u32) -> Vec<i64> {
    let orders = book.of_home(HomeId::new(home));
    orders
        .flat_map(|order| order.reserved.values().map(|amount| amount.get()))
        .collect()
}

fn taken_wh(book: &ForwardBook, number: u64) -> Vec<u64> {
    let order = book.order(id(1, number)).expect("there");
    let newest = order.versions.last().expect("a version");
    newest.legs.values().map(|leg| leg.quantity.get()).collect()
}

fn nano(amount: i64) -> NanoAmount {
    NanoAmount::new(amount)
}

#[test]
fn a_bid_is_cut_over_its_span_and_the_nearest_is_paid_first() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    let wanted = terms(10, &[100, 100, 100], 200_000);
    // For 150 Wh at the limit, and a little that is not enough for another one.
    let free = nano(150 * 200_000 + 199_999);
    let taken = book.submit(&rules, 0, id(1, 1), BID, &wanted, free);
    let taken = taken.expect("taken");
    assert_eq!(taken.cut, [quarter(11), quarter(12)]);
    assert_eq!(taken_wh(&book, 1), [100, 50, 0]);
    assert_eq!(reserved(&book, 1), [20_000_000, 10_000_000]);
    // Nothing is left for a second order, whichever its intervals.
    let second = book.submit(&rules, 0, id(1, 2), BID, &terms(20, &[1], 200_000), free);
    assert_eq!(second, Err(Refusal::Funds));
    // A smaller first one makes room, and what does not cost needs none.
    let smaller = terms(10, &[100], 200_000);
    book.amend(&rules, 1, id(1, 1), 1, &smaller, free)
        .expect("taken");
    book.submit(&rules, 1, id(1, 2), BID, &terms(20, &[100], 200_000), free)
        .expect("taken");
    assert_eq!(
        (taken_wh(&book, 1), taken_wh(&book, 2)),
        (vec![100], vec![50])
    );
    book.submit(&rules, 1, id(1, 3), BID, &terms(20, &[100], -1), free)
        .expect("paid for taking it");
    book.submit(
        &rules,
        1,
        id(2, 1),
        ASK,
        &terms(20, &[100], 90_000),
        nano(0),
    )
    .expect("sells");
    assert_eq!(reserved(&book, 2), Vec::<i64>::new());
}

#[test]
fn what_stands_behind_a_closed_gate_keeps_its_money() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    let free = nano(100 * 200_000);
    book.submit(
        &rules,
        0,
        id(1, 1),
        BID,
        &terms(10, &[60, 40], 200_000),
        free,
    )
    .expect("taken");
    // The first quarter has closed with 60 Wh, so the second can have 40, however much is wanted.
    let more = terms(10, &[1, 90], 200_000);
    let taken = book.amend(&rules, gate(10), id(1, 1), 1, &more, free);
    assert_eq!(taken.expect("taken").cut, [quarter(11)]);
    assert_eq!(taken_wh(&book, 1), [60, 40]);
    assert_eq!(reserved(&book, 1), [60 * 200_000, 40 * 200_000]);
}

#[test]
fn two_orders_of_a_home_are_not_paid_with_the_same_money() {
    let rules = rules();
    let orders = [(1, BID, 100, 200_000), (1, BID, 100, 250_000)];
    let book = book_of(&rules, 10, &orders);
    let funds = all_have(&book, nano(100 * 200_000 + 50 * 250_000));
    let cleared = clear_forward_interval(&rules, quarter(10), gate(10), &book, &funds);
    let mut quantities: Vec<u64> = cleared
        .expect("cleared")
        .rows
        .iter()
        .map(|row| row.order.quantity.get())
        .collect();
    quantities.sort_unstable();
    assert_eq!(quantities, [50, 100]);
}

#[test]
fn a_limit_counts_as_far_as_the_tariff_goes() {
    let mut book = ForwardBook::default();
    let rules = with_tariff(300_000, 80_000);
    // Nobody pays more than retail, so no more is reserved.
    let wanted = terms(10, &[100], 900_000);
    book.submit(&rules, 0, id(1, 1), BID, &wanted, nano(100 * 300_000))
        .expect("taken");
    assert_eq!(taken_wh(&book, 1), [100]);
    // A seller who would pay to get rid of energy has to have the money.
    let rules = with_tariff(300_000, -50_000);
    let wanted = terms(10, &[100], -90_000);
    let taken = book.submit(&rules, 0, id(2, 1), ASK, &wanted, nano(60 * 50_000));
    assert_eq!(taken.expect("taken").cut, [quarter(10)]);
    assert_eq!(reserved(&book, 2), [3_000_000]);
}

#[test]
fn after_the_clearing_only_what_was_traded_is_kept_and_after_settlement_nothing() {
    let rules = rules();
    let mut book = book_of(
        &rules,
        10,
        &[(1, BID, 500, 250_000), (2, ASK, 300, 100_000)],
    );
    assert_eq!(reserved(&book, 1), [500 * 250_000]);
    let funds = all_have(&book, RICH);
    let cleared = clear_forward_interval(&rules, quarter(10), gate(10), &book, &funds);
    let cleared = cleared.expect("cleared");
    // The buyer is at the margin: 0.245 and the fee.
    assert_eq!(cleared.clearing.price.map(|p| p.get()), Some(245_000));
    book.keep_for_trades(&cleared);
    assert_eq!(reserved(&book, 1), [300 * 250_000]);
    book.release(quarter(10));
    assert!(reserved(&book, 1).is_empty());
}

#[test]
fn money_that_has_gone_by_the_gate_cuts_again_after_what_earlier_intervals_keep() {
    let rules = rules();
    let mut book = ForwardBook::default();
    let wanted = terms(10, &[100, 100], 200_000);
    book.submit(&rules, 0, id(1, 1), BID, &wanted, RICH)
        .expect("taken");
    book.submit(
        &rules,
        0,
        id(2, 1),
        ASK,
        &terms(10, &[500; 2], 100_000),
        RICH,
    )
    .expect("taken");
    let clear = |rules: &ForwardRules, book: &ForwardBook, n, free| {
        let funds = BTreeMap::from([(HomeId::new(1), nano(free))]);
        clear_forward_interval(rules, quarter(n), gate(n), book, &funds).expect("cleared")
    };
    let of_one = |cleared: &ForwardClearing| {
        let row = cleared.rows.iter().find(|row| row.id == id(1, 1));
        row.map(|row| (row.order.quantity.get(), row.traded.get(), row.cut))
    };
    let first = clear(&rules, &book, 10, 100 * 200_000);
    assert_eq!(of_one(&first), Some((100, 100, None)));
    book.keep_for_trades(&first);
    // The seller is at the margin: the first quarter keeps 100 · (0.105 + 0.005), and the rest is worth
    // 45 Wh at the limit.
    let second = clear(&rules, &book, 11, 100 * 200_000);
    assert_eq!(of_one(&second), Some((45, 45, Some(CutReason::Funds))));
    // Whose money is not known has none.
    let third = clear_forward_interval(&rules, quarter(11), gate(11), &book, &BTreeMap::new());
    let third = third.expect("cleared");
    assert_eq!(of_one(&third), Some((0, 0, Some(CutReason::Funds))));
}

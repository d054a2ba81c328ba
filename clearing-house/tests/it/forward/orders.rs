//! Giving, changing and taking back orders, before the gate and after it.

use std::collections::BTreeMap;

use clearing_house::forward::{
    ForwardBook, ForwardError, ForwardTerms, Refusal, SpanLimit, Taken, clear_forward_interval,
};
use energy_core::{IntervalStart, Side};
use proptest::prelude::*;

use super::{RICH, all_have, cleared, gate, id, rules, terms};
use crate::zone::{price, quarter};

const BID: Side = Side::Bid;
const ASK: Side = Side::Ask;

fn standing(book: &ForwardBook) -> Vec<(IntervalStart, u64, i64)> {
    let order = book.order(id(1, 1)).expect("there");
    let newest = order.versions.last().expect("a version");
    let legs = newest.legs.iter();
    legs.map(|(at, leg)| (*at, leg.wanted.get(), leg.limit.get()))
        .collect()
}

#[test]
fn one_order_spans_intervals_with_a_limit_for_each() {
    let mut book = ForwardBook::default();
    let wanted = ForwardTerms {
        limit: SpanLimit::Each(vec![price(200_000), price(210_000), price(-5)]),
        ..terms(10, &[100, 0, 300], 0)
    };
    let taken = book.submit(&rules(), 0, id(1, 1), BID, &wanted, RICH);
    let expected = Taken {
        id: id(1, 1),
        version: 1,
        stood: vec![],
        cut: vec![],
    };
    assert_eq!(taken, Ok(expected.clone()));
    assert_eq!(
        standing(&book),
        [(quarter(10), 100, 200_000), (quarter(12), 300, -5)]
    );
    // The same once more is the same once; another one of that name is none.
    let again = book.submit(&rules(), gate(99), id(1, 1), BID, &wanted, RICH);
    assert_eq!(again, Ok(expected));
    let other = book.submit(&rules(), 0, id(1, 1), ASK, &wanted, RICH);
    assert_eq!(other, Err(Refusal::Taken { id: id(1, 1) }));
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_reason() {
    let mut book = ForwardBook::default();
    let mut submit = |now_s, terms: &ForwardTerms| {
        book.submit(&rules(), now_s, id(1, 1), BID, terms, RICH)
            .expect_err("refused")
    };
    assert_eq!(submit(0, &terms(10, &[], 1)), Refusal::Span { got: 0 });
    assert_eq!(
        submit(0, &terms(10, &[1; 2_977], 1)),
        Refusal::Span { got: 2_977 }
    );
    assert_eq!(submit(0, &terms(10, &[0, 0], 1)), Refusal::Nothing);
    let each = |limits: Vec<i64>| ForwardTerms {
        limit: SpanLimit::Each(limits.into_iter().map(price).collect()),
        ..terms(10, &[1, 1], 0)
    };
    let (expected, got) = (2, 1);
    assert_eq!(submit(0, &each(vec![1])), Refusal::Limits { expected, got });
    let interval = quarter(11);
    let got = 1_000_000_001;
    assert_eq!(
        submit(0, &each(vec![1, got])),
        Refusal::Price { interval, got }
    );
    let got_wh = 1_000_000_001;
    let much = terms(10, &[1, got_wh], 1);
    assert_eq!(submit(0, &much), Refusal::Quantity { interval, got_wh });
    let closed = Refusal::GateClosed {
        interval: quarter(10),
        closed_s: gate(10),
        now_s: gate(10),
    };
    // One closed interval is enough, whatever the others; where nothing is wanted no gate matters.
    assert_eq!(submit(gate(10), &terms(10, &[1, 1], 1)), closed);
    assert!(
        closed
            .to_string()
            .contains("gate of the interval at 1781490600 closed")
    );
    book.submit(
        &rules(),
        gate(10),
        id(1, 1),
        BID,
        &terms(10, &[0, 1], 1),
        RICH,
    )
    .expect("the second is open");
    let unknown = book.cancel(&rules(), 0, id(1, 2), 1);
    assert_eq!(unknown, Err(Refusal::Unknown { id: id(1, 2) }));
}

#[test]
fn a_change_touches_only_open_gates() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    book.submit(
        &rules,
        0,
        id(1, 1),
        BID,
        &terms(10, &[100; 3], 200_000),
        RICH,
    )
    .expect("taken");
    // The gate of the eleventh has closed, that of the twelfth not yet.
    let now_s = gate(12) - 1;
    let change = terms(9, &[1, 1, 1, 50, 70], 210_000);
    let taken = book.amend(&rules, now_s, id(1, 1), 1, &change, RICH);
    assert_eq!(
        taken.as_ref().map(|taken| (taken.version, &taken.stood)),
        Ok((2, &vec![quarter(9), quarter(10), quarter(11)]))
    );
    assert_eq!(
        standing(&book),
        [
            (quarter(10), 100, 200_000),
            (quarter(11), 100, 200_000),
            (quarter(12), 50, 210_000),
            (quarter(13), 70, 210_000),
        ]
    );
    // The same change again gives the same answer; one from the version before comes too late.
    assert_eq!(
        book.amend(&rules, now_s + 5, id(1, 1), 1, &change, RICH),
        taken
    );
    let (expected, got) = (2, 1);
    assert_eq!(
        book.cancel(&rules, now_s, id(1, 1), 1),
        Err(Refusal::Version { expected, got })
    );

    // Taking it back leaves what has closed, and then there is nothing left to take back.
    book.cancel(&rules, gate(13) - 1, id(1, 1), 2)
        .expect("open");
    let left: Vec<_> = standing(&book).iter().map(|leg| leg.0).collect();
    assert_eq!(left, [quarter(10), quarter(11), quarter(12)]);
    let closed = book.cancel(&rules, gate(13), id(1, 1), 3);
    assert!(matches!(closed, Err(Refusal::GateClosed { interval, .. }) if interval == quarter(12)));
    // Every version is still there.
    let versions = &book.order(id(1, 1)).expect("there").versions;
    let said: Vec<_> = versions.iter().map(|v| v.terms.is_some()).collect();
    assert_eq!(said, [true, true, false]);
}

#[test]
fn less_of_the_same_keeps_its_place_in_time() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    book.submit(
        &rules,
        100,
        id(1, 1),
        BID,
        &terms(10, &[100; 3], 200_000),
        RICH,
    )
    .expect("taken");
    let change = ForwardTerms {
        limit: SpanLimit::Each(vec![price(200_000), price(200_000), price(199_999)]),
        ..terms(10, &[99, 101, 100], 0)
    };
    book.amend(&rules, 200, id(1, 1), 1, &change, RICH)
        .expect("taken");
    let order = book.order(id(1, 1)).expect("there");
    let since = [10, 11, 12].map(|n| order.leg(quarter(n)).expect("there").since_s);
    assert_eq!(since, [100, 200, 200]);
}

#[test]
fn a_home_is_on_one_side_in_an_interval() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    book.submit(
        &rules,
        0,
        id(1, 1),
        BID,
        &terms(10, &[1, 0, 1], 200_000),
        RICH,
    )
    .expect("taken");
    // Beside it and between, but not on it.
    book.submit(
        &rules,
        0,
        id(1, 2),
        ASK,
        &terms(9, &[1, 0, 1], 90_000),
        RICH,
    )
    .expect("taken");
    let (interval, other) = (quarter(12), id(1, 1));
    assert_eq!(
        book.submit(&rules, 0, id(1, 3), ASK, &terms(12, &[1], 90_000), RICH),
        Err(Refusal::OtherSide { interval, other })
    );
    // Two of one side are two steps of a curve.
    book.submit(&rules, 0, id(1, 4), BID, &terms(10, &[5], 150_000), RICH)
        .expect("taken");
    let before = book.clone();
    let clash = book.amend(&rules, 0, id(1, 2), 1, &terms(10, &[1], 90_000), RICH);
    assert!(matches!(clash, Err(Refusal::OtherSide { .. })));
    assert_eq!(book, before, "a refused change changes nothing");
    assert_eq!(cleared(&rules, &book, quarter(10)).rows.len(), 2);
}

#[test]
fn bounds_hold_for_orders_and_versions() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    let one = terms(10, &[1], 200_000);
    for number in 0..64 {
        book.submit(&rules, 0, id(1, number), BID, &one, RICH)
            .expect("taken");
    }
    let more = book.submit(&rules, 0, id(1, 64), BID, &one, RICH);
    assert_eq!(more, Err(Refusal::Orders));
    book.submit(&rules, 0, id(2, 64), BID, &one, RICH)
        .expect("another home's");
    for version in 1..1_000 {
        let change = terms(10, &[u64::from(version) + 1], 200_000);
        book.amend(&rules, 0, id(1, 1), version, &change, RICH)
            .expect("taken");
    }
    let more = book.cancel(&rules, 0, id(1, 1), 1_000);
    assert_eq!(more, Err(Refusal::Versions));
}

#[test]
fn an_interval_is_cleared_from_its_gate_on_under_names_of_its_own() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    let wanted = terms(10, &[100; 2], 200_000);
    book.submit(&rules, 0, id(1, 1), BID, &wanted, RICH)
        .expect("taken");
    let clear = |book: &ForwardBook, n, now_s| {
        let funds = all_have(book, RICH);
        clear_forward_interval(&rules, quarter(n), now_s, book, &funds)
    };
    let (closes_s, now_s) = (gate(10), gate(10) - 1);
    assert_eq!(
        clear(&book, 10, now_s),
        Err(ForwardError::GateOpen { closes_s, now_s })
    );
    let name = |book: &ForwardBook, n| {
        let cleared = clear(book, n, gate(n)).expect("closed");
        cleared.rows[0].order.id
    };
    let (tenth, eleventh) = (name(&book, 10), name(&book, 11));
    assert_ne!(tenth, eleventh);
    let more = terms(10, &[150; 2], 210_000);
    book.amend(&rules, 1, id(1, 1), 1, &more, RICH)
        .expect("taken");
    assert_eq!(name(&book, 10), tenth, "the same for every version");
}

#[test]
fn ended_orders_go_to_the_archive_and_do_not_come_back() {
    let (rules, mut book) = (rules(), ForwardBook::default());
    let wanted = terms(10, &[100; 2], 200_000);
    book.submit(&rules, 0, id(1, 1), BID, &wanted, RICH)
        .expect("taken");
    book.cancel(&rules, 1, id(1, 1), 1).expect("open");
    // Taken back, but the first version reached further.
    assert!(book.take_before(quarter(11)).is_empty());
    let ended = book.take_before(quarter(12));
    assert_eq!(ended.len(), 1);
    assert!(book.orders().next().is_none());
    let again = book.submit(&rules, gate(12), id(1, 1), BID, &wanted, RICH);
    assert!(matches!(again, Err(Refusal::GateClosed { .. })));
    // A kept book reads back as it was.
    let kept = serde_json::to_string(&ended).expect("written");
    let read: Vec<_> = serde_json::from_str(&kept).expect("read");
    assert_eq!(read, ended);
    assert_eq!(ForwardBook::from_iter(read), ForwardBook::from_iter(ended));
}

/// How many seconds after the one before what is said: the quantities from the tenth quarter on and a
/// limit; none takes the order back.
type Change = (i64, Option<(Vec<u64>, i64)>);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let said = prop::option::weighted(0.8, (prop::collection::vec(0_u64..4, 1..6), 1_i64..4));
    prop::collection::vec((0_i64..1_500, said), 1..12)
}

proptest! {
    /// Against the plainest model: what was said last before an interval's gate holds for it.
    #[test]
    fn what_was_said_last_before_the_gate_stands(
        first in prop::collection::vec(1_u64..4, 1..6),
        changes in changes(),
    ) {
        let (rules, mut book) = (rules(), ForwardBook::default());
        let mut now_s = gate(10) - 1;
        let spread = |quantities: &[u64], limit| -> BTreeMap<IntervalStart, (u64, i64)> {
            let wanted = (10..).map(quarter).zip(quantities.iter().copied());
            wanted.filter(|(_, wanted)| *wanted > 0).map(|(at, wanted)| (at, (wanted, limit))).collect()
        };
        book.submit(&rules, now_s, id(1, 1), BID, &terms(10, &first, 9), RICH).expect("open");
        let mut model = spread(&first, 9);
        let mut version = 1;
        for (later_s, said) in changes {
            now_s += later_s;
            let answer = match &said {
                Some((quantities, limit)) =>
                    book.amend(&rules, now_s, id(1, 1), version, &terms(10, quantities, *limit), RICH),
                None => book.cancel(&rules, now_s, id(1, 1), version),
            };
            let new = said.map(|(quantities, limit)| spread(&quantities, limit)).unwrap_or_default();
            let touches_open = model.keys().chain(new.keys()).any(|at| now_s < at.seconds() - 1_800);
            prop_assert_eq!(answer.is_ok(), touches_open);
            let Ok(taken) = answer else { continue };
            version = taken.version;
            model.retain(|at, _| now_s >= at.seconds() - 1_800);
            for (at, leg) in new {
                if now_s < at.seconds() - 1_800 {
                    model.insert(at, leg);
                }
            }
            let expected: Vec<_> = model.iter().map(|(at, (wanted, limit))| (*at, *wanted, *limit)).collect();
            prop_assert_eq!(standing(&book), expected);
        }
        let order = book.order(id(1, 1)).expect("there");
        prop_assert_eq!(order.versions.len(), usize::try_from(version).expect("few"));
        let numbers: Vec<u32> = order.versions.iter().map(|v| v.number).collect();
        prop_assert!(numbers.iter().copied().eq(1..=version));
    }
}

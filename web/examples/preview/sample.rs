//! A made-up street: seeded by nothing but its own arithmetic, so that every look at it is the same.
//!
//! Energy follows simple curves; the market is the real call auction. Money is exact.

use std::collections::BTreeMap;
use std::sync::Mutex;

use clearing_house::Tariff;
use energy_core::{
    Address, Hash, HomeId, IntervalLength, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount,
    Order, OrderId, Side, WattHours, Watts, ZoneId, keccak,
};
use market_engine::call_auction;
use web::facts::{
    AccountFacts, AuditFacts, BalanceFacts, BatchFacts, BookFacts, HomeFacts, HomeIntervalFacts,
    IntervalFacts, IntervalState, LiveFacts, MeterFacts, OrderFacts, PriceRule, Role, StoreFacts,
    UserFacts, ZoneFacts,
};
use web::{Source, SourceError};

/// 2026-06-15T00:00:00Z
const FIRST_S: i64 = 1_781_481_600;
const LENGTH_S: i64 = 900;
/// The sample stands at 15:22 on the second day.
pub(crate) const NOW_MS: i64 = (FIRST_S + 86_400 + 15 * 3_600 + 22 * 60) * 1_000;

const NAMES: [&str; 24] = [
    "Amari",
    "Berg",
    "Castillo",
    "Dumont",
    "Eriksen",
    "Farouk",
    "Gallo",
    "Haas",
    "Ito",
    "Jansen",
    "Kaya",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Yilmaz",
];

struct Cleared {
    facts: IntervalFacts,
    homes: Vec<HomeIntervalFacts>,
    book: BookFacts,
}

/// The street.
pub(crate) struct Sample {
    zone: ZoneFacts,
    rules: Mutex<BTreeMap<HomeId, (PriceRule, i64)>>,
    cleared: Vec<Cleared>,
    users: Vec<UserFacts>,
    sessions: Mutex<BTreeMap<[u8; 32], (String, i64)>>,
}

fn price(micro: i64) -> MicroPricePerKwh {
    MicroPricePerKwh::new(micro)
}

/// A number from 0 to 999 that looks random and never changes.
fn noise(parts: &[i64]) -> i64 {
    let bytes: Vec<u8> = parts.iter().flat_map(|p| p.to_be_bytes()).collect();
    i64::from(u16::from_be_bytes([
        keccak(&[&bytes]).as_bytes()[0],
        keccak(&[&bytes]).as_bytes()[1],
    ])) % 1_000
}

fn has_pv(home: u32) -> bool {
    !home.is_multiple_of(3) || home == 9
}

fn has_battery(home: u32) -> bool {
    home.is_multiple_of(5) || home == 7
}

/// Net energy of a home in an interval in Wh: + = needs.
fn net(home: u32, start_s: i64) -> i64 {
    let minute = (start_s - FIRST_S).rem_euclid(86_400) / 60;
    let hill = |center: i64, width: i64, height: i64| {
        let distance = (minute - center).abs();
        if distance >= width {
            0
        } else {
            height * (width - distance) * (width - distance) / (width * width)
        }
    };
    let load = 60
        + hill(450, 140, 260)
        + hill(1_150, 260, 420)
        + noise(&[i64::from(home), start_s, 1]) / 7;
    let sun = if (300..=1_230).contains(&minute) {
        (minute - 300) * (1_230 - minute) / 230
    } else {
        0
    };
    let size = 500 + 130 * i64::from(home % 6);
    let pv = if has_pv(home) {
        sun * size / 1_000 * (700 + noise(&[start_s, 2]) / 4) / 1_000
    } else {
        0
    };
    let battery = match (has_battery(home), load - pv) {
        (true, rest) if rest > 0 && minute > 900 => rest.min(260),
        (true, rest) if rest < -200 => -(rest.abs() / 4),
        _ => 0,
    };
    load - pv - battery
}

impl Sample {
    /// A day and a half of it, for so many homes. `hash` makes the hash of a password.
    pub(crate) fn new(homes: u32, hash: impl Fn(&str) -> String) -> Self {
        let zone = ZoneFacts {
            zone: ZoneId::new("elm-street").expect("a name"),
            interval: IntervalLength::QUARTER_HOUR,
            tariff: Tariff::flat(price(300_000), price(80_000)),
            buyer_fee: price(5_000),
            seller_fee: price(5_000),
            credit_limit: NanoAmount::ZERO,
        };
        let rule = |home| {
            if home == 7 {
                (
                    PriceRule::Own {
                        sell_above: price(120_000),
                        buy_below: price(240_000),
                    },
                    3,
                )
            } else {
                (PriceRule::Balanced, 1)
            }
        };
        let rules = (1..=homes)
            .map(|home| (HomeId::new(home), rule(home)))
            .collect();
        let last = (NOW_MS / 1_000 - FIRST_S) / LENGTH_S;
        let cleared = (0..last)
            .map(|n| clear(&zone, homes, FIRST_S + n * LENGTH_S, last - n))
            .collect();
        let user = |login: &str, role| UserFacts {
            login: login.to_owned(),
            role,
            password_hash: hash("solar-street-7"),
        };
        let users = vec![
            user("home-7", Role::Household(HomeId::new(7))),
            user("home-8", Role::Household(HomeId::new(8))),
            user("operator", Role::Operator),
            user("researcher", Role::Researcher),
        ];
        Self {
            zone,
            rules: Mutex::new(rules),
            cleared,
            users,
            sessions: Mutex::new(BTreeMap::new()),
        }
    }
}

fn clear(zone: &ZoneFacts, homes: u32, start_s: i64, age: i64) -> Cleared {
    let start = zone.interval.start_at(start_s).expect("on the raster");
    let limit = |home: u32, side: Side| {
        let quarter = 52_500;
        let off = quarter * noise(&[i64::from(home), start_s / 3_600, 3]) / 1_000;
        match (home, side) {
            (7, Side::Ask) => 120_000,
            (7, Side::Bid) => 240_000,
            (_, Side::Ask) => 85_000 + quarter + off - 5_000,
            (_, Side::Bid) => 295_000 - quarter - off + 5_000,
        }
    };
    let mut orders = Vec::new();
    for home in 1..=homes {
        let energy = net(home, start_s);
        let side = if energy < 0 { Side::Ask } else { Side::Bid };
        let fee = if side == Side::Ask { 5_000 } else { -5_000 };
        let silent = home == 22 && age < 9;
        if energy.abs() > 20 && !silent {
            let id = OrderId::derived(
                "sample",
                &[start_s.to_be_bytes(), i64::from(home).to_be_bytes()].concat(),
            );
            let quantity = WattHours::new(energy.unsigned_abs());
            orders.push(Order {
                id,
                home: HomeId::new(home),
                side,
                quantity,
                price: price(limit(home, side) + fee),
            });
        }
    }
    orders.sort_by_key(|o| o.id);
    let clearing = call_auction(start, &orders, 500_000).expect("a book");
    let state = match age {
        1..=2 => IntervalState::Cleared,
        3..=4 => IntervalState::Settled,
        _ => IntervalState::Final,
    };
    let batch =
        (age > 2).then_some(u64::try_from((start_s - FIRST_S) / LENGTH_S / 2).unwrap_or(0) + 1);
    let filled = |home: u32| {
        let order = orders.iter().find(|o| o.home.get() == home)?;
        Some((
            order,
            clearing
                .fills
                .iter()
                .find(|f| f.order == order.id)?
                .quantity,
        ))
    };
    let line = |home: u32| {
        let energy = net(home, start_s);
        let silent = home == 22 && age < 9;
        let energy = if energy.abs() > 20 { energy } else { 0 };
        let (import, export) = (
            WattHours::new(energy.max(0).unsigned_abs()),
            WattHours::new(energy.min(0).unsigned_abs()),
        );
        let order = filled(home).map(|(order, fill)| {
            let (sign, fee) = if order.side == Side::Ask {
                (1, 5_000)
            } else {
                (-1, 5_000)
            };
            let wh = i64::try_from(fill.get()).expect("small");
            let gross = clearing.price.map_or(0, |p| p.get() * wh) * sign;
            OrderFacts {
                side: order.side,
                quantity: order.quantity,
                limit: price(limit(home, order.side)),
                price: order.price,
                fill,
                amount: NanoAmount::new(gross - fee * wh),
                fee: NanoAmount::new(fee * wh),
            }
        });
        let fill = |side| {
            order
                .filter(|o| o.side == side)
                .map_or(WattHours::ZERO, |o| o.fill)
        };
        let from_utility = import.saturating_less(fill(Side::Bid));
        let to_utility = export.saturating_less(fill(Side::Ask));
        let tariff = zone.tariff.at(start);
        let value = |wh: WattHours, p: MicroPricePerKwh| wh.value(p).expect("small").get();
        HomeIntervalFacts {
            home: HomeId::new(home),
            start,
            state,
            import: (!silent).then_some(import),
            export: (!silent).then_some(export),
            substituted: home == 7 && age == 6,
            order,
            from_utility,
            to_utility,
            bill: NanoAmount::new(
                value(from_utility, tariff.retail) - value(to_utility, tariff.feed_in),
            ),
            without_market: NanoAmount::new(
                value(import, tariff.retail) - value(export, tariff.feed_in),
            ),
            minted: export,
            credited: fill(Side::Bid),
            reason: "You set these limits yourself: sell above 12 ct/kWh, buy below 24 ct/kWh."
                .to_owned(),
            cut: (home == 8 && age < 4).then(|| {
                "The order was cut from 0.310 to 0.120 kWh: more could not be paid for.".to_owned()
            }),
            batch,
        }
    };
    let lines: Vec<_> = (1..=homes).map(line).collect();
    let sum = |f: &dyn Fn(&HomeIntervalFacts) -> u64| WattHours::new(lines.iter().map(f).sum());
    let facts = IntervalFacts {
        start,
        state,
        price: clearing.price,
        price_lo: clearing.price.and(clearing.price_lo),
        price_hi: clearing.price.and(clearing.price_hi),
        traded: sum(&|l| l.filled(Side::Ask).get()),
        from_utility: sum(&|l| l.from_utility.get()),
        to_utility: sum(&|l| l.to_utility.get()),
        saved: NanoAmount::new(lines.iter().map(|l| l.saved().get()).sum()),
        homes,
        batch,
    };
    let book = BookFacts {
        start,
        orders,
        price: facts.price,
        price_lo: facts.price_lo,
        price_hi: facts.price_hi,
        traded: facts.traded,
    };
    Cleared {
        facts,
        homes: lines,
        book,
    }
}

impl Source for Sample {
    fn zone(&self) -> Result<ZoneFacts, SourceError> {
        Ok(self.zone.clone())
    }

    fn homes(&self) -> Result<Vec<HomeFacts>, SourceError> {
        let rules = self.rules.lock().expect("not poisoned");
        let home = |(home, (rule, version)): (&HomeId, &(PriceRule, i64))| HomeFacts {
            home: *home,
            name: format!("{} family", NAMES[(home.get() as usize - 1) % 24]),
            address: Some(Address::derived("sample", &home.get().to_be_bytes())),
            has_pv: has_pv(home.get()),
            has_battery: has_battery(home.get()),
            rule: *rule,
            rule_version: *version,
        };
        Ok(rules.iter().map(home).collect())
    }

    fn live(&self) -> Result<Vec<LiveFacts>, SourceError> {
        let start = NOW_MS / 1_000 - NOW_MS / 1_000 % LENGTH_S;
        let count = u32::try_from(self.rules.lock().expect("not poisoned").len()).expect("few");
        let live = |home: u32| LiveFacts {
            home: HomeId::new(home),
            time_ms: NOW_MS - 4_000,
            power: (home != 22)
                .then(|| Watts::new(i32::try_from(net(home, start) * 4).expect("small"))),
            pv: has_pv(home).then(|| Watts::new(2_400)),
            soc_permille: has_battery(home)
                .then(|| u16::try_from(300 + noise(&[i64::from(home), 9]) / 2).expect("small")),
        };
        Ok((1..=count).map(live).collect())
    }

    fn intervals(&self, from_s: i64, to_s: i64) -> Result<Vec<IntervalFacts>, SourceError> {
        let inside = |c: &&Cleared| (from_s..to_s).contains(&c.facts.start.seconds());
        Ok(self
            .cleared
            .iter()
            .filter(inside)
            .map(|c| c.facts)
            .collect())
    }

    fn newest_interval(&self) -> Result<Option<IntervalFacts>, SourceError> {
        Ok(self.cleared.last().map(|c| c.facts))
    }

    fn interval_homes(&self, start: IntervalStart) -> Result<Vec<HomeIntervalFacts>, SourceError> {
        Ok(self
            .cleared
            .iter()
            .find(|c| c.facts.start == start)
            .map(|c| c.homes.clone())
            .unwrap_or_default())
    }

    fn home_intervals(
        &self,
        home: HomeId,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<HomeIntervalFacts>, SourceError> {
        let inside =
            |l: &&HomeIntervalFacts| l.home == home && (from_s..to_s).contains(&l.start.seconds());
        Ok(self
            .cleared
            .iter()
            .flat_map(|c| &c.homes)
            .filter(inside)
            .cloned()
            .collect())
    }

    fn book(&self, start: IntervalStart) -> Result<Option<BookFacts>, SourceError> {
        Ok(self
            .cleared
            .iter()
            .find(|c| c.facts.start == start)
            .map(|c| c.book.clone()))
    }

    fn balance(&self, home: HomeId, _: Option<u64>) -> Result<Option<BalanceFacts>, SourceError> {
        if !self.rules.lock().expect("not poisoned").contains_key(&home) {
            return Ok(None);
        }
        let at_final = AccountFacts {
            batch: Some(72),
            energy_wh: 8_421,
            money_nano: 26_310_245_000,
        };
        let at_synced = AccountFacts {
            batch: Some(72),
            energy_wh: 8_421,
            money_nano: 26_310_245_000,
        };
        Ok(Some(BalanceFacts {
            at_final,
            at_synced,
            free_funds: NanoAmount::new(26_900_000_000),
        }))
    }

    fn meters(&self) -> Result<Vec<MeterFacts>, SourceError> {
        let count = u32::try_from(self.rules.lock().expect("not poisoned").len()).expect("few");
        let meter = |home: u32, role: &str| MeterFacts {
            meter: MeterId::derived(role, &home.to_be_bytes()),
            home: HomeId::new(home),
            role: role.to_owned(),
            last_seen_ms: Some(if home == 22 {
                NOW_MS - 9_000_000
            } else {
                NOW_MS - 4_000 - i64::from(home) * 3_000
            }),
            boundaries: if home == 22 { 87 } else { 96 },
            gaps: if home == 22 { 9 } else { 0 },
            refused: u64::from(home == 13),
            refused_reason: (home == 13).then(|| "a register fell".to_owned()),
            error: (home == 22).then(|| "the device answered with exception 6 (busy)".to_owned()),
            frozen: false,
        };
        let of_home = |home| {
            let generation = has_pv(home).then(|| meter(home, "generation"));
            std::iter::once(meter(home, "connection point")).chain(generation)
        };
        Ok((1..=count).flat_map(of_home).collect())
    }

    fn batches(&self, at_most: u32) -> Result<Vec<BatchFacts>, SourceError> {
        let batch = |back: u64| BatchFacts {
            number: 77 - back,
            settled_to: self.zone.interval.containing(
                NOW_MS / 1_000 - 2 * LENGTH_S - i64::try_from(back).unwrap_or(0) * 2 * LENGTH_S,
            ),
            root: keccak(&[&back.to_be_bytes()]),
            state: if back == 0 { "pending" } else { "final" }.to_owned(),
            is_final: back > 0,
            gas: Some(118_342 + back * 12),
            tx: Some(Hash::ZERO),
        };
        Ok((0..u64::from(at_most.min(20))).map(batch).collect())
    }

    fn audit(&self, from_s: i64, to_s: i64) -> Result<Vec<AuditFacts>, SourceError> {
        let mut verified = 0;
        let mut lines = Vec::new();
        for c in &self.cleared {
            verified += c
                .homes
                .iter()
                .map(|h| i64::try_from(h.minted.get()).unwrap_or(0))
                .sum::<i64>();
            lines.push(AuditFacts {
                zone: self.zone.zone.clone(),
                start: c.facts.start,
                state: c.facts.state,
                metered_wh: verified,
                ledger_wh: verified,
                chain_wh: (c.facts.state == IntervalState::Final).then_some(verified),
                energy_difference_wh: 0,
                cash_difference_nano: 0,
            });
        }
        Ok(lines
            .into_iter()
            .filter(|l| (from_s..to_s).contains(&l.start.seconds()))
            .collect())
    }

    fn audit_ends(&self) -> Result<(Option<AuditFacts>, Option<AuditFacts>), SourceError> {
        let all = self.audit(i64::MIN, i64::MAX)?;
        Ok((
            all.iter().rev().find(|l| l.chain_wh.is_some()).cloned(),
            all.last().cloned(),
        ))
    }

    fn store_facts(&self) -> Result<StoreFacts, SourceError> {
        Ok(StoreFacts {
            engine: "in memory".to_owned(),
            epoch: 1,
            readings: 74_213,
            reading_batches: 5_911,
        })
    }

    fn set_rule(&self, home: HomeId, version: i64, rule: PriceRule) -> Result<i64, SourceError> {
        let mut rules = self.rules.lock().expect("not poisoned");
        let kept = rules
            .get_mut(&home)
            .ok_or_else(|| SourceError::Failed(format!("no home {home}")))?;
        if kept.1 != version {
            return Err(SourceError::Conflict {
                expected: version,
                current: kept.1,
            });
        }
        *kept = (rule, version + 1);
        Ok(version + 1)
    }

    fn user(&self, login: &str) -> Result<Option<UserFacts>, SourceError> {
        Ok(self.users.iter().find(|u| u.login == login).cloned())
    }

    fn keep_session(
        &self,
        token_hash: [u8; 32],
        login: &str,
        _: i64,
        expires_s: i64,
    ) -> Result<(), SourceError> {
        self.sessions
            .lock()
            .expect("not poisoned")
            .insert(token_hash, (login.to_owned(), expires_s));
        Ok(())
    }

    fn session(
        &self,
        token_hash: [u8; 32],
        now_s: i64,
    ) -> Result<Option<(String, Role)>, SourceError> {
        let sessions = self.sessions.lock().expect("not poisoned");
        let Some((login, _)) = sessions
            .get(&token_hash)
            .filter(|(_, expires)| *expires > now_s)
        else {
            return Ok(None);
        };
        Ok(self.user(login)?.map(|u| (u.login, u.role)))
    }

    fn end_session(&self, token_hash: [u8; 32]) -> Result<(), SourceError> {
        self.sessions
            .lock()
            .expect("not poisoned")
            .remove(&token_hash);
        Ok(())
    }
}

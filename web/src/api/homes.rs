//! Homes, their statements and balances.

use actix_web::{HttpResponse, web};
use energy_core::{HomeId, Side};
use serde::Serialize;
use utoipa::ToSchema;

use super::SpanQuery;
use crate::auth::policy::require;
use crate::auth::{Access, Principal};
use crate::facts::{AccountFacts, HomeFacts, HomeIntervalFacts, IntervalState};
use crate::format::start;
use crate::pages::ask;
use crate::problem::Problem;
use crate::state::WebState;

/// One home.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Home {
    /// Its number.
    #[schema(example = 7)]
    home: u32,
    /// Its name.
    name: String,
    /// Its account on the chain.
    #[schema(example = "0x00000000000000000000000000000000000000a7")]
    address: Option<String>,
    /// Whether it has PV.
    has_pv: bool,
    /// Whether it has a battery.
    has_battery: bool,
}

/// All homes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Homes {
    /// By number.
    homes: Vec<Home>,
}

impl From<HomeFacts> for Home {
    fn from(h: HomeFacts) -> Self {
        let address = h.address.map(|a| format!("0x{a}"));
        Self {
            home: h.home.get(),
            name: h.name,
            address,
            has_pv: h.has_pv,
            has_battery: h.has_battery,
        }
    }
}

/// The homes of the zone.
#[utoipa::path(
    get, path = "/api/v1/homes", tag = "homes",
    responses(
        (status = 200, body = Homes),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    state: web::Data<WebState>,
    principal: Principal,
) -> Result<HttpResponse, Problem> {
    require(&principal, Access::Homes)?;
    let homes = ask(&state, |source| source.homes()).await?;
    Ok(HttpResponse::Ok().json(Homes {
        homes: homes.into_iter().map(Home::from).collect(),
    }))
}

/// An order and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementOrder {
    /// `bid` buys, `ask` sells.
    #[schema(example = "ask")]
    side: String,
    /// Offered or wanted.
    quantity_wh: u64,
    /// The home's all-in limit.
    limit_micro_per_kwh: i64,
    /// The price in the book.
    price_micro_per_kwh: i64,
    /// Filled.
    fill_wh: u64,
    /// Money for it, fees included: + received, − paid.
    amount_nano: i64,
    /// The fee in it.
    fee_nano: i64,
}

/// One line of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementLine {
    /// The interval's start.
    #[schema(example = "2026-06-15T09:00:00Z")]
    start: String,
    /// How far it has come.
    state: IntervalState,
    /// Register difference taken from the grid, null without data.
    import_wh: Option<u64>,
    /// Register difference fed in, null without data.
    export_wh: Option<u64>,
    /// Whether a boundary reading was interpolated.
    substituted: bool,
    /// The order, null when there was nothing to trade.
    order: Option<StatementOrder>,
    /// From the utility.
    from_utility_wh: u64,
    /// To the utility.
    to_utility_wh: u64,
    /// What the home pays the utility (negative: is paid).
    bill_nano: i64,
    /// What it would have paid with the utility alone.
    without_market_nano: i64,
    /// What it paid less.
    saved_nano: i64,
    /// Tokens minted.
    minted_wh: u64,
    /// Tokens credited.
    credited_wh: u64,
    /// Why these limits.
    reason: String,
    /// Why the order was cut.
    cut: Option<String>,
    /// The settlement batch that holds it.
    batch: Option<u64>,
}

impl From<HomeIntervalFacts> for StatementLine {
    fn from(l: HomeIntervalFacts) -> Self {
        let order = l.order.map(|o| StatementOrder {
            side: if o.side == Side::Bid { "bid" } else { "ask" }.to_owned(),
            quantity_wh: o.quantity.get(),
            limit_micro_per_kwh: o.limit.get(),
            price_micro_per_kwh: o.price.get(),
            fill_wh: o.fill.get(),
            amount_nano: o.amount.get(),
            fee_nano: o.fee.get(),
        });
        Self {
            start: start(l.start),
            state: l.state,
            import_wh: l.import.map(|e| e.get()),
            export_wh: l.export.map(|e| e.get()),
            substituted: l.substituted,
            order,
            from_utility_wh: l.from_utility.get(),
            to_utility_wh: l.to_utility.get(),
            bill_nano: l.bill.get(),
            without_market_nano: l.without_market.get(),
            saved_nano: l.saved().get(),
            minted_wh: l.minted.get(),
            credited_wh: l.credited.get(),
            reason: l.reason,
            cut: l.cut,
            batch: l.batch,
        }
    }
}

/// The sums of a statement.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct StatementSums {
    /// Sold to neighbours.
    sold_wh: u64,
    /// Bought from neighbours.
    bought_wh: u64,
    /// From the utility.
    from_utility_wh: u64,
    /// To the utility.
    to_utility_wh: u64,
    /// Money with neighbours, fees included: + received, − paid.
    cash_nano: i64,
    /// Fees in it.
    fee_nano: i64,
    /// What the home pays the utility (negative: is paid).
    bill_nano: i64,
    /// What it would have paid with the utility alone.
    without_market_nano: i64,
    /// What it paid less.
    saved_nano: i64,
    /// Tokens minted.
    minted_wh: u64,
    /// Tokens credited.
    credited_wh: u64,
}

/// A statement: a view of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statement {
    /// Which home.
    home: u32,
    /// Oldest first.
    lines: Vec<StatementLine>,
    /// Their sums.
    sums: StatementSums,
}

fn sums(lines: &[HomeIntervalFacts]) -> StatementSums {
    let energy =
        |f: &dyn Fn(&HomeIntervalFacts) -> u64| lines.iter().map(f).fold(0, u64::saturating_add);
    let money =
        |f: &dyn Fn(&HomeIntervalFacts) -> i64| lines.iter().map(f).fold(0, i64::saturating_add);
    StatementSums {
        sold_wh: energy(&|l| l.filled(Side::Ask).get()),
        bought_wh: energy(&|l| l.filled(Side::Bid).get()),
        from_utility_wh: energy(&|l| l.from_utility.get()),
        to_utility_wh: energy(&|l| l.to_utility.get()),
        cash_nano: money(&|l| l.order.map_or(0, |o| o.amount.get())),
        fee_nano: money(&|l| l.order.map_or(0, |o| o.fee.get())),
        bill_nano: money(&|l| l.bill.get()),
        without_market_nano: money(&|l| l.without_market.get()),
        saved_nano: money(&|l| l.saved().get()),
        minted_wh: energy(&|l| l.minted.get()),
        credited_wh: energy(&|l| l.credited.get()),
    }
}

/// A home's statement.
#[utoipa::path(
    get, path = "/api/v1/homes/{home}/statement", tag = "homes", params(("home" = u32, Path), SpanQuery),
    responses(
        (status = 200, body = Statement),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn statement(
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
    query: web::Query<SpanQuery>,
) -> Result<HttpResponse, Problem> {
    let home = HomeId::new(*path);
    require(&principal, Access::HomeData(home))?;
    let (from, to) = query.seconds()?;
    let (homes, lines) = ask(&state, move |source| {
        Ok((source.homes()?, source.home_intervals(home, from, to)?))
    })
    .await?;
    crate::pages::find_home(homes, home)?;
    let sums = sums(&lines);
    let lines = lines.into_iter().map(StatementLine::from).collect();
    Ok(HttpResponse::Ok().json(Statement {
        home: home.get(),
        lines,
        sums,
    }))
}

/// What a home holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// Which home.
    home: u32,
    /// At the newest final settlement batch.
    at_final: AccountFacts,
    /// At the newest settlement batch synced to the account.
    at_synced: AccountFacts,
    /// What can be spent on local energy now, in 10⁻⁹ currency.
    free_funds_nano: i64,
}

/// A home's balance.
#[utoipa::path(
    get, path = "/api/v1/homes/{home}/balance", tag = "homes", params(("home" = u32, Path)),
    responses(
        (status = 200, body = Balance),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn balance(
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
) -> Result<HttpResponse, Problem> {
    let home = HomeId::new(*path);
    require(&principal, Access::HomeData(home))?;
    let synced = state.chain.borrow().synced_batch;
    let found = ask(&state, move |source| source.balance(home, synced)).await?;
    let b = found.ok_or_else(|| Problem::not_found(format!("there is no home {home}")))?;
    let answer = Balance {
        home: home.get(),
        at_final: b.at_final,
        at_synced: b.at_synced,
        free_funds_nano: b.free_funds.get(),
    };
    Ok(HttpResponse::Ok().json(answer))
}

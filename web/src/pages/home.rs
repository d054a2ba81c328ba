//! `GET /homes/{id}`, its intervals, and the form that changes its price preference.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use energy_core::{HomeId, MicroPricePerKwh};
use serde::Deserialize;

use super::{PageQuery, ask, find_home, html, interval_start};
use crate::auth::policy::{HOMES_MIN_FOR_TOTALS, require};
use crate::auth::{Access, Principal, same_origin};
use crate::facts::PriceRule;
use crate::format::midnight;
use crate::problem::{PageProblem, Problem};
use crate::source::{Source, SourceError};
use crate::state::WebState;
use crate::views::home::{
    HomePage, HomePageFacts, RuleForm, equipment, form, now, own_rule, typed_price,
};
use crate::views::{Chrome, Tab, interval};

/// A home's page needs a log-in; who has none is sent there and comes back.
fn allowed(
    request: &HttpRequest,
    principal: &Principal,
    home: HomeId,
) -> Result<Option<HttpResponse>, Problem> {
    match require(principal, Access::HomePage(home)) {
        Err(problem) if problem.status == 401 => {
            let target = format!("/login?next={}", request.path());
            Ok(Some(
                HttpResponse::SeeOther()
                    .insert_header((LOCATION, target))
                    .finish(),
            ))
        }
        other => other.map(|()| None),
    }
}

pub(crate) async fn show(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, PageProblem> {
    let id = HomeId::new(*path);
    if let Some(elsewhere) = allowed(&request, &principal, id)? {
        return Ok(elsewhere);
    }
    if query.wants_part() {
        let facts = gathered(&state, id, query.day.as_deref()).await?;
        return html(&now(&facts, &state.now()));
    }
    let saved = request.query_string().split('&').any(|q| q == "saved");
    page(&state, &principal, id, query.day.as_deref(), None, saved).await
}

async fn gathered(
    state: &WebState,
    id: HomeId,
    day: Option<&str>,
) -> Result<HomePageFacts, Problem> {
    let day_ms = match day {
        None => midnight(state.now().grid_ms),
        Some(day) => chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d")
            .map_err(|_| {
                Problem::bad_request(format!("expected a day such as 2026-06-15, got `{day}`"))
            })?
            .and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_millis(),
    };
    let synced = state.chain.borrow().synced_batch;
    let found = ask(state, move |source| gather(source, id, day_ms, synced)).await?;
    let facts = found.ok_or_else(|| Problem::not_found(format!("there is no home {id}")))?;
    Ok(HomePageFacts {
        meters: state.with_device_errors(facts.meters),
        ..facts
    })
}

fn gather(
    source: &dyn Source,
    id: HomeId,
    day_ms: i64,
    synced: Option<u64>,
) -> Result<Option<HomePageFacts>, SourceError> {
    let Some(home) = source.homes()?.into_iter().find(|h| h.home == id) else {
        return Ok(None);
    };
    let (from, to) = (day_ms / 1_000, day_ms / 1_000 + 86_400);
    Ok(Some(HomePageFacts {
        zone: source.zone()?,
        home,
        live: source.live()?.into_iter().find(|l| l.home == id),
        meters: source
            .meters()?
            .into_iter()
            .filter(|m| m.home == id)
            .collect(),
        lines: source.home_intervals(id, from, to)?,
        intervals: source.intervals(from, to)?,
        balance: source.balance(id, synced)?,
        day_ms,
    }))
}

async fn page(
    state: &WebState,
    principal: &Principal,
    id: HomeId,
    day: Option<&str>,
    tried: Option<RuleForm>,
    saved: bool,
) -> Result<HttpResponse, PageProblem> {
    let facts = gathered(state, id, day).await?;
    html(&HomePage {
        chrome: Chrome::new(&facts.home.name, Tab::Home, state, principal),
        home: id,
        name: facts.home.name.clone(),
        equipment: equipment(&facts.home),
        form: tried.unwrap_or_else(|| form(&facts.zone, &facts.home)),
        now: now(&facts, &state.now()),
        saved,
    })
}

pub(crate) async fn show_interval(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<(u32, String)>,
) -> Result<HttpResponse, PageProblem> {
    let (id, text) = path.into_inner();
    let id = HomeId::new(id);
    if let Some(elsewhere) = allowed(&request, &principal, id)? {
        return Ok(elsewhere);
    }
    let (zone, homes) = ask(&state, |source| Ok((source.zone()?, source.homes()?))).await?;
    let may_see_book = homes.len() >= HOMES_MIN_FOR_TOTALS;
    let home = find_home(homes, id)?;
    let start = interval_start(&zone, &text)?;
    let found = ask(&state, move |source| {
        let lines = source.home_intervals(id, start.seconds(), start.seconds() + 1)?;
        Ok((
            lines.into_iter().next(),
            if may_see_book {
                source.book(start)?
            } else {
                None
            },
        ))
    });
    let (line, book) = found.await?;
    let line = line.ok_or_else(|| {
        Problem::not_found(format!(
            "the interval {text} has not been cleared for home {id}"
        ))
    })?;
    let title = format!(
        "{}, {}",
        home.name,
        crate::format::span(start, zone.interval)
    );
    let chrome = Chrome::new(&title, Tab::Home, &state, &principal);
    html(&interval::page(chrome, &zone, &home, &line, book.as_ref()))
}

/// The form as it is sent.
#[derive(Debug, Deserialize)]
pub(crate) struct RuleFields {
    mode: String,
    #[serde(default)]
    sell_above: String,
    #[serde(default)]
    buy_below: String,
    version: i64,
}

pub(crate) async fn change(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
    fields: web::Form<RuleFields>,
) -> Result<HttpResponse, PageProblem> {
    let id = HomeId::new(*path);
    same_origin(&request)?;
    require(&principal, Access::HomePage(id))?;
    let (zone, homes) = ask(&state, |source| Ok((source.zone()?, source.homes()?))).await?;
    let home = find_home(homes, id)?;
    let mut tried = RuleForm {
        mode: fields.mode.clone(),
        sell_above: fields.sell_above.clone(),
        buy_below: fields.buy_below.clone(),
        version: fields.version,
        ..form(&zone, &home)
    };
    let rule = match fields.mode.as_str() {
        "cheap" => Some(PriceRule::Cheap),
        "balanced" => Some(PriceRule::Balanced),
        "green" => Some(PriceRule::Green),
        "own" => own(&zone, &fields, &mut tried),
        other => {
            tried.problem = Some(format!(
                "expected cheap, balanced, green or own numbers, got `{other}`"
            ));
            None
        }
    };
    let Some(rule) = rule else {
        let mut answer = page(&state, &principal, id, None, Some(tried), false).await?;
        *answer.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(answer);
    };
    let version = fields.version;
    match ask(&state, move |source| source.set_rule(id, version, rule)).await {
        Ok(_) => {
            let back = format!("/homes/{id}?saved#preference");
            Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, back))
                .finish())
        }
        Err(problem) if problem.status == 412 => {
            tried.version = home.rule_version;
            tried.problem = Some(
                "somebody else changed this preference while you were typing; yours is shown, send it again to replace theirs"
                    .to_owned(),
            );
            let mut answer = page(&state, &principal, id, None, Some(tried), false).await?;
            *answer.status_mut() = actix_web::http::StatusCode::PRECONDITION_FAILED;
            Ok(answer)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The home's own numbers, or what is wrong with them in the form.
fn own(
    zone: &crate::facts::ZoneFacts,
    fields: &RuleFields,
    tried: &mut RuleForm,
) -> Option<PriceRule> {
    let prices: (
        Result<MicroPricePerKwh, String>,
        Result<MicroPricePerKwh, String>,
    ) = (
        typed_price(&fields.sell_above),
        typed_price(&fields.buy_below),
    );
    tried.sell_problem = prices.0.as_ref().err().cloned();
    tried.buy_problem = prices.1.as_ref().err().cloned();
    let (Ok(sell), Ok(buy)) = prices else {
        return None;
    };
    match own_rule(zone, sell, buy) {
        Ok(rule) => Some(rule),
        Err(problems) => {
            let find = |pointer: &str| {
                problems
                    .iter()
                    .find(|p| p.pointer == pointer)
                    .map(|p| p.detail.clone())
            };
            tried.sell_problem = find("/sell_above");
            tried.buy_problem = find("/buy_below");
            None
        }
    }
}

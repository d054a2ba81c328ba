//! A home's price preference.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use energy_core::{HomeId, MicroPricePerKwh};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::policy::require;
use crate::auth::{Access, Principal, same_origin};
use crate::facts::{HomeFacts, PriceRule};
use crate::pages::{ask, find_home};
use crate::problem::{FieldProblem, Problem};
use crate::state::WebState;
use crate::views::home::own_rule;

/// How the limits are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Buy as low as possible.
    Cheap,
    /// In the middle.
    Balanced,
    /// Trade locally as often as possible.
    Green,
    /// The home's own numbers.
    Own,
}

/// A price preference. Prices are all-in, in 10⁻⁶ currency per kWh, and given with `own` only.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preference {
    /// How the limits are found.
    mode: Mode,
    /// Sell to neighbours above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 120_000)]
    sell_above_micro: Option<i64>,
    /// Buy from neighbours below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 260_000)]
    buy_below_micro: Option<i64>,
}

impl Preference {
    fn of(rule: PriceRule) -> Self {
        let auto = |mode| Self {
            mode,
            sell_above_micro: None,
            buy_below_micro: None,
        };
        match rule {
            PriceRule::Cheap => auto(Mode::Cheap),
            PriceRule::Balanced => auto(Mode::Balanced),
            PriceRule::Green => auto(Mode::Green),
            PriceRule::Own {
                sell_above,
                buy_below,
            } => Self {
                mode: Mode::Own,
                sell_above_micro: Some(sell_above.get()),
                buy_below_micro: Some(buy_below.get()),
            },
        }
    }

    fn rule(&self, zone: &crate::facts::ZoneFacts) -> Result<PriceRule, Problem> {
        let field = |pointer: &str, detail: &str| FieldProblem {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        };
        let auto = match self.mode {
            Mode::Cheap => PriceRule::Cheap,
            Mode::Balanced => PriceRule::Balanced,
            Mode::Green => PriceRule::Green,
            Mode::Own => {
                let missing = "expected a price in 10⁻⁶ currency per kWh with mode `own`, got none";
                let sell = self
                    .sell_above_micro
                    .ok_or_else(|| field("/sell_above_micro", missing));
                let buy = self
                    .buy_below_micro
                    .ok_or_else(|| field("/buy_below_micro", missing));
                let (sell, buy) = match (sell, buy) {
                    (Ok(sell), Ok(buy)) => (sell, buy),
                    (sell, buy) => {
                        return Err(Problem::invalid(
                            [sell.err(), buy.err()].into_iter().flatten().collect(),
                        ));
                    }
                };
                let named = |p: FieldProblem| FieldProblem {
                    pointer: format!("{}_micro", p.pointer),
                    ..p
                };
                return own_rule(
                    zone,
                    MicroPricePerKwh::new(sell),
                    MicroPricePerKwh::new(buy),
                )
                .map_err(|problems| Problem::invalid(problems.into_iter().map(named).collect()));
            }
        };
        if self.sell_above_micro.is_some() || self.buy_below_micro.is_some() {
            return Err(Problem::invalid(vec![field(
                "/mode",
                "expected mode `own` with prices, got another",
            )]));
        }
        Ok(auto)
    }
}

fn answer(home: &HomeFacts) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", home.rule_version)))
        .json(Preference::of(home.rule))
}

/// A home's price preference, with its version as `ETag`.
#[utoipa::path(
    get, path = "/api/v1/homes/{home}/preference", tag = "homes", params(("home" = u32, Path)),
    responses(
        (status = 200, body = Preference, headers(("ETag" = String))),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
) -> Result<HttpResponse, Problem> {
    let home = HomeId::new(*path);
    require(&principal, Access::HomePage(home))?;
    Ok(answer(&find_home(
        ask(&state, |source| source.homes()).await?,
        home,
    )?))
}

/// Changes a home's price preference. It counts from the next interval that is cleared.
#[utoipa::path(
    put, path = "/api/v1/homes/{home}/preference", tag = "homes",
    params(("home" = u32, Path), ("If-Match" = Option<String>, Header, description = "The version it is based on")),
    request_body = Preference,
    responses(
        (status = 200, body = Preference, headers(("ETag" = String))),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change(
    request: HttpRequest,
    state: web::Data<WebState>,
    principal: Principal,
    path: web::Path<u32>,
    body: web::Json<Preference>,
) -> Result<HttpResponse, Problem> {
    let id = HomeId::new(*path);
    same_origin(&request)?;
    require(&principal, Access::HomePage(id))?;
    let (zone, homes) = ask(&state, |source| Ok((source.zone()?, source.homes()?))).await?;
    let home = find_home(homes, id)?;
    let rule = body.rule(&zone)?;
    let version = match request
        .headers()
        .get(IF_MATCH)
        .and_then(|v| v.to_str().ok())
    {
        None | Some("*") => home.rule_version,
        Some(tag) => tag.trim_matches('"').parse().map_err(|_| {
            Problem::bad_request(format!(
                "expected If-Match with the version as in ETag, such as \"3\", got {tag}"
            ))
        })?,
    };
    let rule_version = ask(&state, move |source| source.set_rule(id, version, rule)).await?;
    Ok(answer(&HomeFacts {
        rule,
        rule_version,
        ..home
    }))
}

//! The API.

use actix_web::test::{TestRequest, call_service, read_body, read_body_json};
use serde_json::Value;

use crate::street::{app, from_here, log_in, state};

#[test]
fn the_description_is_the_reviewed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");
    let now = web::api::document().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &now).expect("written");
    }
    let kept = std::fs::read_to_string(path)
        .expect("tests/golden/openapi.json; make it with UPDATE_GOLDEN=1");
    assert!(
        kept == now,
        "the API changed; look at the difference after UPDATE_GOLDEN=1 cargo test -p web"
    );
}

#[actix_web::test]
async fn readiness_says_what_is_missing() {
    let app = app(state(24, true, false)).await;
    let answer = call_service(&app, TestRequest::get().uri("/readyz").to_request()).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.headers().get("content-type").expect("typed"),
        "application/problem+json"
    );
    let problem: Value = read_body_json(answer).await;
    assert_eq!(
        problem["detail"],
        "the history is being made (3 of 288 intervals)"
    );
    let page = call_service(&app, TestRequest::get().uri("/").to_request()).await;
    assert!(
        String::from_utf8(read_body(page).await.to_vec())
            .expect("text")
            .contains("3 of 288 intervals")
    );
}

#[actix_web::test]
async fn the_audit_is_half_open_and_sums_differences() {
    let app = app(state(24, true, true)).await;
    let ask = |span: &str| {
        from_here(TestRequest::get().uri(&format!("/api/v1/audit?{span}"))).to_request()
    };
    let answer = call_service(
        &app,
        ask("from=2026-06-15T09:00:00Z&to=2026-06-15T09:30:00Z"),
    )
    .await;
    let audit: Value = read_body_json(answer).await;
    let starts: Vec<_> = audit["intervals"]
        .as_array()
        .expect("list")
        .iter()
        .map(|i| i["start"].clone())
        .collect();
    assert_eq!(starts, ["2026-06-15T09:00:00Z", "2026-06-15T09:15:00Z"]);
    assert_eq!(
        (
            &audit["energy_difference_wh"],
            &audit["cash_difference_nano"]
        ),
        (&0.into(), &0.into())
    );
    assert_eq!(audit["intervals"][0]["zone"], "elm-street");
    for bad in [
        "from=yesterday&to=2026-06-15T09:30:00Z",
        "from=2026-06-15T09:00:00Z",
        "from=2026-06-16T09:00:00Z&to=2026-06-15T09:00:00Z",
    ] {
        let answer = call_service(&app, ask(bad)).await;
        assert_eq!(answer.status(), 400, "{bad}");
        assert_eq!(
            answer.headers().get("content-type").expect("typed"),
            "application/problem+json"
        );
    }
}

#[actix_web::test]
async fn statement_sums_are_the_sums_of_its_lines() {
    let app = app(state(24, true, true)).await;
    let uri = "/api/v1/homes/7/statement?from=2026-06-15T00:00:00Z&to=2026-06-16T00:00:00Z";
    let statement: Value = read_body_json(
        call_service(&app, from_here(TestRequest::get().uri(uri)).to_request()).await,
    )
    .await;
    let lines = statement["lines"].as_array().expect("list");
    assert_eq!(lines.len(), 96);
    let sum = |field: &str| {
        lines
            .iter()
            .map(|l| l[field].as_i64().expect("integer"))
            .sum::<i64>()
    };
    for field in [
        "bill_nano",
        "without_market_nano",
        "saved_nano",
        "minted_wh",
        "credited_wh",
        "from_utility_wh",
    ] {
        assert_eq!(statement["sums"][field], sum(field), "{field}");
    }
    let sums = &statement["sums"];
    let value = |f: &str| sums[f].as_i64().expect("integer");
    assert_eq!(
        value("saved_nano"),
        value("without_market_nano") - value("bill_nano") + value("cash_nano")
    );
}

#[actix_web::test]
async fn a_preference_is_put_with_its_version() {
    let app = app(state(24, true, true)).await;
    let cookie = log_in(&app, "home-7").await;
    let put = |body: Value, version: &str| {
        let request = TestRequest::put()
            .uri("/api/v1/homes/7/preference")
            .insert_header(("cookie", cookie.as_str()));
        request
            .insert_header(("if-match", version))
            .set_json(body)
            .to_request()
    };
    let own =
        serde_json::json!({"mode": "own", "sell_above_micro": 130_000, "buy_below_micro": 250_000});
    let answer = call_service(&app, put(own.clone(), "\"3\"")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("etag").expect("version"), "\"4\"");
    assert_eq!(call_service(&app, put(own, "\"3\"")).await.status(), 412);
    let low =
        serde_json::json!({"mode": "own", "sell_above_micro": -1, "buy_below_micro": 250_000});
    let problem: Value = read_body_json(call_service(&app, put(low, "*")).await).await;
    assert_eq!(problem["errors"][0]["pointer"], "/sell_above_micro");
    let text = serde_json::json!({"mode": "own", "sell_above_micro": "dear"});
    assert_eq!(call_service(&app, put(text, "*")).await.status(), 400);
}

#[actix_web::test]
async fn a_bundle_is_a_file_or_a_reason() {
    let app = app(state(24, true, true)).await;
    let get = |home: u32| {
        from_here(TestRequest::get().uri(&format!(
            "/api/v1/homes/{home}/bundles/2026-06-16T12:00:00Z"
        )))
    };
    let answer = call_service(&app, get(7).to_request()).await;
    assert_eq!(
        answer.headers().get("content-type").expect("typed"),
        "application/cbor"
    );
    let name = answer
        .headers()
        .get("content-disposition")
        .expect("named")
        .to_str()
        .expect("text")
        .to_owned();
    assert_eq!(
        name,
        "attachment; filename=\"commonwatt-home-7-20260616T120000Z.cbor\""
    );
    assert_eq!(read_body(answer).await.to_vec(), [0x80]);
    assert_eq!(call_service(&app, get(8).to_request()).await.status(), 409);
}

#[actix_web::test]
async fn what_is_not_there_has_the_one_error_shape() {
    let app = app(state(24, true, true)).await;
    for uri in [
        "/api/v1/nothing",
        "/api/v1/intervals/2026-06-30T00:00:00Z",
        "/api/v1/homes/99/balance",
    ] {
        let answer = call_service(&app, from_here(TestRequest::get().uri(uri)).to_request()).await;
        assert_eq!(answer.status(), 404, "{uri}");
        let problem: Value = read_body_json(answer).await;
        assert_eq!(problem["type"], "urn:commonwatt:problem:not-found");
    }
    let page = call_service(&app, TestRequest::get().uri("/nothing").to_request()).await;
    assert!(
        String::from_utf8(read_body(page).await.to_vec())
            .expect("text")
            .contains("there is nothing at /nothing")
    );
}

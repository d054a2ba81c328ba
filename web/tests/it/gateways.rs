//! Where gateways come in.

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, read_body, read_body_json};
use serde_json::{Value, json};

use crate::street::{app, from_here, log_in, state};

#[actix_web::test]
async fn a_batch_gets_a_receipt_and_what_is_not_authentic_a_problem() {
    let app = app(state(24, true, true)).await;
    let send = |body: &'static [u8]| TestRequest::post().uri("/api/v1/batches").set_payload(body);
    let answer = call_service(&app, send(b"authentic").to_request()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers().get("content-type").expect("typed"),
        "application/cose"
    );
    assert_eq!(read_body(answer).await, "receipt");

    let answer = call_service(&app, send(b"forged").to_request()).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = read_body_json(answer).await;
    assert_eq!(problem["detail"], "batch: not CBOR");

    let answer = call_service(&app, send(b"full disk").to_request()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);

    let large: &'static [u8] = vec![0; (1 << 20) + 1].leak();
    let answer = call_service(&app, send(large).to_request()).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[actix_web::test]
async fn only_the_operator_invites_and_only_for_homes_that_exist() {
    let app = app(state(24, true, true)).await;
    let invite = |home: u32| {
        let body = json!({"home": home, "role": "connection-point"});
        TestRequest::post()
            .uri("/api/v1/invitations")
            .set_json(body)
    };
    let anonymous = call_service(&app, from_here(invite(7)).to_request()).await;
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    for (login, home, status) in [
        ("home-7", 7, StatusCode::FORBIDDEN),
        ("researcher", 7, StatusCode::FORBIDDEN),
        ("operator", 99, StatusCode::NOT_FOUND),
        ("operator", 7, StatusCode::CREATED),
    ] {
        let cookie = log_in(&app, login).await;
        let request = invite(home).insert_header(("cookie", cookie));
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), status, "{login} {home}");
    }
}

#[actix_web::test]
async fn a_token_is_redeemed_without_a_log_in() {
    let app = app(state(24, true, true)).await;
    let enrol = |token: &str| {
        let body = json!({"token": token, "gateway_key": "", "proof": ""});
        TestRequest::post().uri("/api/v1/enrolments").set_json(body)
    };
    let answer = call_service(&app, enrol("good").to_request()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let enrolled: Value = read_body_json(answer).await;
    assert_eq!(enrolled["zone_document"]["interval_s"], 900);
    let answer = call_service(&app, enrol("bad").to_request()).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = json!({"token": "good", "gateway_key": "", "proof": "", "home": 7});
    let request = TestRequest::post()
        .uri("/api/v1/enrolments")
        .set_json(unknown);
    assert_eq!(
        call_service(&app, request.to_request()).await.status(),
        StatusCode::BAD_REQUEST
    );
}

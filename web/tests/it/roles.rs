//! Who sees what: every route for every role.

use actix_web::test::{TestRequest, call_service};

use crate::street::{app, from_here, log_in, state};

#[actix_web::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let app = app(state(24, true, true)).await;
    let mut who = vec![None];
    for login in ["home-7", "home-8", "operator", "researcher"] {
        who.push(Some(log_in(&app, login).await));
    }
    let span = "?from=2026-06-15T00:00:00Z&to=2026-06-15T01:00:00Z";
    // anonymous elsewhere, home 7, home 8, operator, researcher, anonymous on this machine in the demo
    let table = [
        ("/".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/login".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/homes/7".to_owned(), [303, 200, 403, 403, 403, 303]),
        (
            "/homes/7/intervals/2026-06-16T12:00:00Z".to_owned(),
            [303, 200, 403, 403, 403, 303],
        ),
        ("/operator".to_owned(), [303, 403, 403, 200, 403, 303]),
        ("/research".to_owned(), [303, 403, 403, 200, 200, 303]),
        (
            "/research/intervals.csv".to_owned(),
            [401, 403, 403, 200, 200, 401],
        ),
        ("/livez".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/readyz".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/version".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/api/v1/clock".to_owned(), [200, 200, 200, 200, 200, 200]),
        ("/api/v1/chain".to_owned(), [200, 200, 200, 200, 200, 200]),
        (
            format!("/api/v1/intervals{span}"),
            [200, 200, 200, 200, 200, 200],
        ),
        (
            "/api/v1/intervals/2026-06-16T12:00:00Z".to_owned(),
            [200, 200, 200, 200, 200, 200],
        ),
        (
            format!("/api/v1/audit{span}"),
            [401, 403, 403, 200, 200, 200],
        ),
        ("/api/v1/homes".to_owned(), [401, 403, 403, 200, 403, 200]),
        (
            format!("/api/v1/homes/7/statement{span}"),
            [401, 200, 403, 403, 403, 200],
        ),
        (
            "/api/v1/homes/7/balance".to_owned(),
            [401, 200, 403, 403, 403, 200],
        ),
        (
            "/api/v1/homes/7/preference".to_owned(),
            [401, 200, 403, 403, 403, 401],
        ),
        (
            "/api/v1/homes/7/bundles/2026-06-16T12:00:00Z".to_owned(),
            [401, 200, 403, 403, 403, 200],
        ),
    ];
    for (path, expected) in &table {
        let mut got = Vec::new();
        for cookie in &who {
            let request = TestRequest::get().uri(path);
            let request = cookie
                .iter()
                .fold(request, |r, c| r.insert_header(("cookie", c.as_str())));
            got.push(
                call_service(&app, request.to_request())
                    .await
                    .status()
                    .as_u16(),
            );
        }
        got.push(
            call_service(&app, from_here(TestRequest::get().uri(path)).to_request())
                .await
                .status()
                .as_u16(),
        );
        assert_eq!(got, expected, "{path}");
    }
}

#[actix_web::test]
async fn outside_a_demo_this_machine_is_nobody_special() {
    let app = app(state(24, false, true)).await;
    let request = from_here(TestRequest::get().uri("/api/v1/homes/7/balance"));
    assert_eq!(call_service(&app, request.to_request()).await.status(), 401);
}

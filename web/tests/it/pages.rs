//! The pages.

use actix_web::test::{TestRequest, call_service, read_body};

use crate::street::{app, from_here, log_in, state};

macro_rules! text {
    ($app:expr, $request:expr) => {{
        let answer = call_service(&$app, $request.to_request()).await;
        String::from_utf8(read_body(answer).await.to_vec()).expect("text")
    }};
}

#[actix_web::test]
async fn the_public_street_names_no_home() {
    let app = app(state(24, true, true)).await;
    let public = text!(app, TestRequest::get().uri("/"));
    assert!(public.contains("Elm Street, now") && public.contains("ct/kWh"));
    assert!(!public.contains("family") && !public.contains("class=\"house"));
    let shown = text!(app, from_here(TestRequest::get().uri("/")));
    assert!(shown.contains("Gallo family") && shown.contains("this is a demo on your own machine"));
}

#[actix_web::test]
async fn a_street_of_few_homes_shows_no_totals() {
    let app = app(state(9, true, true)).await;
    let public = text!(app, TestRequest::get().uri("/"));
    assert!(public.contains("The first interval has not been cleared yet"));
    let answer = call_service(
        &app,
        TestRequest::get()
            .uri("/api/v1/intervals/2026-06-16T12:00:00Z")
            .to_request(),
    )
    .await;
    assert_eq!(answer.status(), 403);
}

#[actix_web::test]
async fn pages_carry_a_policy_and_nothing_inline() {
    let app = app(state(24, true, true)).await;
    let home = log_in(&app, "home-7").await;
    let operator = log_in(&app, "operator").await;
    for (path, cookie) in [
        ("/", &home),
        ("/homes/7", &home),
        ("/homes/7?day=2026-06-15", &home),
        ("/homes/7/intervals/2026-06-16T12:00:00Z", &home),
        ("/operator", &operator),
        ("/research", &operator),
        ("/login", &home),
    ] {
        let request =
            from_here(TestRequest::get().uri(path)).insert_header(("cookie", cookie.as_str()));
        let answer = call_service(&app, request.to_request()).await;
        let policy = answer
            .headers()
            .get("content-security-policy")
            .expect("a policy")
            .to_str()
            .expect("text")
            .to_owned();
        assert!(
            policy.starts_with("default-src 'self'") && !policy.contains("unsafe"),
            "{path}"
        );
        let page = String::from_utf8(read_body(answer).await.to_vec()).expect("text");
        for inline in [
            " style=",
            "<style",
            " onclick",
            "javascript:",
            "<script>",
            "NaN",
            "http://www.w3.org/1999",
        ] {
            assert!(!page.contains(inline), "{path} contains {inline}");
        }
        assert!(page.len() < 400_000, "{path} has {} bytes", page.len());
    }
}

#[actix_web::test]
async fn assets_are_named_by_content_and_kept_for_ever() {
    let app = app(state(24, true, true)).await;
    let page = text!(app, TestRequest::get().uri("/"));
    let at = page.find("/assets/app-").expect("a style sheet");
    let url = page[at..].split('"').next().expect("quoted").to_owned();
    let answer = call_service(&app, TestRequest::get().uri(&url).to_request()).await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer
            .headers()
            .get("cache-control")
            .expect("kept")
            .to_str()
            .expect("text")
            .contains("immutable")
    );
    assert_eq!(
        call_service(
            &app,
            TestRequest::get().uri("/assets/app-0.css").to_request()
        )
        .await
        .status(),
        404
    );
}

#[actix_web::test]
async fn a_preference_is_changed_once_and_explained_when_wrong() {
    let app = app(state(24, true, true)).await;
    let cookie = log_in(&app, "home-7").await;
    let send = |sell: &str, buy: &str, version: &str| {
        let fields = [
            ("mode", "own"),
            ("sell_above", sell),
            ("buy_below", buy),
            ("version", version),
        ];
        TestRequest::post()
            .uri("/homes/7/preference")
            .insert_header(("cookie", cookie.as_str()))
            .set_form(fields)
    };
    for (sell, buy, said) in [
        ("-1", "24", "0 ct/kWh or more"),
        ("cheap please", "24", "such as 18.5"),
        ("5", "24", "at least 8.00 ct/kWh"),
        ("12", "31", "at most 30.00 ct/kWh"),
        ("12", "", "got nothing"),
    ] {
        let answer = call_service(&app, send(sell, buy, "3").to_request()).await;
        assert_eq!(answer.status(), 422, "{sell} {buy}");
        let page = String::from_utf8(read_body(answer).await.to_vec()).expect("text");
        assert!(page.contains(said), "{said}");
    }
    assert_eq!(
        call_service(&app, send("12,5", "24", "3").to_request())
            .await
            .status(),
        303
    );
    // The second one was typed before the first was saved.
    let answer = call_service(&app, send("13", "24", "3").to_request()).await;
    assert_eq!(answer.status(), 412);
    assert!(
        String::from_utf8(read_body(answer).await.to_vec())
            .expect("text")
            .contains("while you were typing")
    );
    let page = text!(
        app,
        TestRequest::get()
            .uri("/homes/7")
            .insert_header(("cookie", cookie.as_str()))
    );
    assert!(page.contains("value=\"12.5\""));
}

#[actix_web::test]
async fn a_change_from_another_site_is_refused() {
    let app = app(state(24, true, true)).await;
    let cookie = log_in(&app, "home-7").await;
    let fields = [("mode", "green"), ("version", "3")];
    let request = TestRequest::post()
        .uri("/homes/7/preference")
        .insert_header(("cookie", cookie.as_str()));
    let request = request
        .insert_header(("sec-fetch-site", "cross-site"))
        .set_form(fields);
    assert_eq!(call_service(&app, request.to_request()).await.status(), 403);
}

#[actix_web::test]
async fn a_wrong_password_gets_no_session() {
    let app = app(state(24, true, true)).await;
    for login in ["home-7", "nobody"] {
        let fields = [("login", login), ("password", "not the password")];
        let answer = call_service(
            &app,
            TestRequest::post()
                .uri("/login")
                .set_form(fields)
                .to_request(),
        )
        .await;
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().get("set-cookie").is_none());
    }
}

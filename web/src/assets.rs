//! Style sheets, scripts and pictures, inside the executable and named by their content.
//!
//! An address holds the first bytes of the content's hash, so a browser may keep it for ever and a
//! new version is never shadowed by an old one.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};

use crate::problem::{PageProblem, Problem};

struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: &[Asset] = &[
    Asset {
        stem: "app",
        extension: "css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/app.css"),
    },
    Asset {
        stem: "app",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/app.js"),
    },
    Asset {
        stem: "htmx",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/vendor/htmx.min.js"),
    },
    Asset {
        stem: "hx-sse",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/vendor/hx-sse.min.js"),
    },
    Asset {
        stem: "icon",
        extension: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../assets/icon.svg"),
    },
];

static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let named = |asset: &Asset| {
        let hash = energy_core::keccak(&[asset.bytes]);
        format!(
            "{}-{}.{}",
            asset.stem,
            hex::encode(&hash.as_bytes()[..6]),
            asset.extension
        )
    };
    ASSETS.iter().map(named).collect()
});

/// The addresses that a page links to.
#[derive(Debug, Clone)]
pub(crate) struct AssetUrls {
    pub(crate) css: String,
    pub(crate) app_js: String,
    pub(crate) htmx_js: String,
    pub(crate) sse_js: String,
    pub(crate) icon: String,
}

impl AssetUrls {
    pub(crate) fn new() -> Self {
        let url = |index: usize| format!("/assets/{}", NAMES[index]);
        Self {
            css: url(0),
            app_js: url(1),
            htmx_js: url(2),
            sse_js: url(3),
            icon: url(4),
        }
    }
}

/// `GET /assets/{name}`
pub(crate) async fn serve(name: web::Path<String>) -> Result<HttpResponse, PageProblem> {
    let index = NAMES.iter().position(|n| *n == *name);
    let Some(asset) = index.map(|i| &ASSETS[i]) else {
        return Err(PageProblem(Problem::not_found(format!(
            "there is no file `{name}`; reload the page"
        ))));
    };
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, forever))
        .content_type(asset.media_type)
        .body(asset.bytes))
}

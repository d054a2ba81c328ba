//! The API, the pages and the event stream of a node.
//!
//! Pages are HTML made here ([`views`] from [`facts`], templates in `templates/`), charts are SVG
//! made here ([`charts`]); scripts only keep an open page up to date. Everything is in the
//! executable: no page loads anything from elsewhere, and the content security policy forbids it.
//!
//! Invariants: nothing is shown that [`auth::policy`] does not allow; every error has the one shape
//! of [`problem`]; no handler blocks, the store is asked on blocking threads; nothing here decides
//! about energy or money.
//!
//! A node makes a [`WebState`], pushes [`NodeStatus`] and [`ChainStatus`] through watch channels and
//! events through the [`LiveHub`], and calls [`serve`].

pub mod api;
mod assets;
pub mod auth;
pub mod charts;
pub mod facts;
mod format;
mod live;
mod pages;
pub mod problem;
mod queries;
mod routes;
mod server;
mod source;
mod state;
pub mod views;

pub use auth::{Doorman, hash_password};
pub use live::{Audience, LiveEvent, LiveHub};
pub use queries::StoreSource;
pub use routes::configure;
pub use server::{listen_error, serve};
pub use source::{Source, SourceError};
pub use state::{
    BundleError, BundleSource, ChainStatus, DemoInfo, DemoLogin, DoorError, GatewayDoor,
    NodeStatus, WebState,
};

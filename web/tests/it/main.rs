//! The application as a client meets it: pages, API, roles, errors.

#[path = "../../examples/preview/sample.rs"]
mod sample;

mod api;
mod gateways;
mod pages;
mod roles;
mod store;
mod street;

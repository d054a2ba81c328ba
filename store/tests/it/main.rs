//! The store through its public face, on real files that are thrown away.

mod chain;
mod ingest;
mod life;
mod market;
mod registry;
mod speed;
mod street;

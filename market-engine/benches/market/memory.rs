//! How much memory a clearing takes: a process of its own clears one book once, and the system says what
//! it needed at most.

use std::process::Command;

use energy_core::Order;
use market_engine::CallAuction;

use crate::book::{interval, orders};
use crate::table::grouped;
use crate::{FEES, K_PPM};

/// The part of the other process: makes a book, clears it, prints the peak.
pub(crate) fn clear_once(size: usize) {
    let orders: Vec<Order> = orders(size);
    let mut auction = CallAuction::default();
    let cleared = auction.clear(interval(), &orders, K_PPM, Some(FEES));
    let quantity = cleared.expect("a book").certificate.quantity;
    assert!(quantity > 0 && auction.fills().len() == auction.amounts().len());
    if let Some(bytes) = peak_bytes() {
        println!("{bytes}");
    }
}

/// Prints what the other process needed.
pub(crate) fn report(size: usize) {
    let peak: Option<f64> = std::env::current_exe().ok().and_then(|program| {
        let size = size.to_string();
        let output = Command::new(program).args(["--memory", &size]).output();
        String::from_utf8(output.ok()?.stdout)
            .ok()?
            .trim()
            .parse()
            .ok()
    });
    match peak {
        Some(peak) => println!(
            "\nmemory: {:.1} bytes an order at {} orders: the whole process, its input rows of {} bytes included",
            peak / size as f64,
            grouped(size),
            size_of::<Order>()
        ),
        None => println!("\nmemory: this system does not say what a process needed at most"),
    }
}

/// The largest memory of this process so far.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

//! Times things and prints them side by side, in million orders a second.

use std::time::{Duration, Instant};

/// How long a figure is worked on.
const ENOUGH: Duration = Duration::from_millis(400);

/// Rows by name, columns by size of the book.
pub(crate) struct Table {
    sizes: Vec<usize>,
    /// Whether figures are wanted, or only that everything runs.
    measures: bool,
    group: &'static str,
    rows: Vec<Row>,
}

struct Row {
    group: &'static str,
    name: &'static str,
    /// Seconds by size.
    seconds: Vec<(usize, f64)>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(sizes: Vec<usize>, measures: bool) -> Self {
        Self {
            sizes,
            measures,
            group: "",
            rows: Vec::new(),
        }
    }

    /// Its columns.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.sizes.clone()
    }

    /// What the next rows belong to.
    pub(crate) fn group(&mut self, name: &'static str) {
        self.group = name;
    }

    /// Times something; the figure is the best run.
    pub(crate) fn time(&mut self, name: &'static str, size: usize, mut work: impl FnMut()) {
        let (mut best, mut spent, mut runs) = (Duration::MAX, Duration::ZERO, 0);
        while runs == 0 || (self.measures && (spent < ENOUGH || runs < 3)) {
            let started = Instant::now();
            work();
            let took = started.elapsed();
            (best, spent, runs) = (best.min(took), spent + took, runs + 1);
        }
        self.note(name, size, best.as_secs_f64());
    }

    /// Enters a figure.
    pub(crate) fn note(&mut self, name: &'static str, size: usize, seconds: f64) {
        let group = self.group;
        let same = |row: &&mut Row| row.group == group && row.name == name;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.seconds.push((size, seconds)),
            None => self.rows.push(Row {
                group,
                name,
                seconds: vec![(size, seconds)],
            }),
        }
    }

    /// How many times faster one row is than another.
    pub(crate) fn ratio(&self, fast: &str, slow: &str, size: usize) -> Option<f64> {
        let seconds = |name: &str| {
            let row = self.rows.iter().find(|row| row.name == name)?;
            row.at(size)
        };
        Some(seconds(slow)? / seconds(fast)?)
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        println!("\nmillion orders a second, one thread, best run");
        print!("{:44}", "");
        for size in &self.sizes {
            print!("{:>12}", grouped(*size));
        }
        println!();
        let mut group = "";
        for row in &self.rows {
            if row.group != group {
                group = row.group;
                println!("\n{group}");
            }
            print!("  {:42}", row.name);
            for size in &self.sizes {
                match row.at(*size) {
                    Some(seconds) => print!("{:>12.1}", *size as f64 / seconds / 1e6),
                    None => print!("{:>12}", "–"),
                }
            }
            println!();
        }
    }
}

impl Row {
    fn at(&self, size: usize) -> Option<f64> {
        let found = self.seconds.iter().find(|(of, _)| *of == size);
        found.map(|(_, seconds)| *seconds)
    }
}

/// 1,000,000.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8(groups.join(&b',')).expect("digits")
}

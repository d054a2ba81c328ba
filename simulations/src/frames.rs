//! Results as Parquet, by polars.
//!
//! Columns and row order are those of `scenarios/README.md`. Each file is one row group sequence
//! written from frames that were built in order, so the same rows give the same bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use energy_core::{Hash, Side, keccak};
use polars::prelude::{Column, DataFrame, NamedFrom, PolarsError, Series};
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use crate::{results::Results, scenario::Scenario};

/// Results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The folder or a file in it.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The columns do not make a table.
    #[error("table `{name}`: {source}")]
    Table {
        /// Which.
        name: &'static str,
        /// What polars said.
        source: PolarsError,
    },
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files, in the order in which they are hashed.
    pub files: Vec<PathBuf>,
    /// keccak over the names and bytes of the Parquet files.
    pub hash: Hash,
}

/// Writes all tables and a manifest into a folder, which is made if it is not there.
///
/// # Errors
/// [`FramesError`].
pub fn write(
    folder: &Path,
    scenario: &Scenario,
    seed: u64,
    results: &Results,
) -> Result<Written, FramesError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| FramesError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let (mut files, mut hashed) = (Vec::new(), Vec::new());
    for (name, columns) in tables(results) {
        let bytes = parquet(columns).map_err(|source| FramesError::Table { name, source })?;
        let path = folder.join(format!("{name}.parquet"));
        fs::write(&path, &bytes).map_err(at(&path))?;
        hashed.push(keccak(&[name.as_bytes(), &[0], &bytes]));
        files.push(path);
    }
    let parts: Vec<&[u8]> = hashed
        .iter()
        .map(|hash| hash.as_bytes().as_slice())
        .collect();
    let hash = keccak(&parts);
    let path = folder.join("manifest.json");
    fs::write(&path, manifest(scenario, seed, &hash)).map_err(at(&path))?;
    files.push(path);
    Ok(Written { files, hash })
}

fn manifest(scenario: &Scenario, seed: u64, hash: &Hash) -> String {
    let manifest = serde_json::json!({
        "scenario": scenario.name,
        "seed": seed,
        "homes": scenario.homes,
        "start_s": scenario.start_s,
        "days": scenario.days,
        "interval_s": scenario.rules.interval.seconds(),
        "version": env!("CARGO_PKG_VERSION"),
        "hash": hash.to_string(),
    });
    format!("{manifest:#}\n")
}

fn parquet(columns: Vec<Column>) -> Result<Vec<u8>, PolarsError> {
    let mut frame = DataFrame::new_infer_height(columns)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)?;
    Ok(bytes)
}

/// A column of one field of all rows.
fn column<R, T>(name: &str, rows: &[R], of: impl Fn(&R) -> T) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
{
    Column::new(name.into(), rows.iter().map(of).collect::<Vec<T>>())
}

/// A column with gaps.
fn optional<R>(name: &str, rows: &[R], of: impl Fn(&R) -> Option<i64>) -> Column {
    Column::new(
        name.into(),
        rows.iter().map(of).collect::<Vec<Option<i64>>>(),
    )
}

/// A column of texts.
fn texts<'a, R>(name: &str, rows: &'a [R], of: impl Fn(&'a R) -> &'a str) -> Column {
    Column::new(name.into(), rows.iter().map(of).collect::<Vec<&str>>())
}

fn tables(results: &Results) -> [(&'static str, Vec<Column>); 4] {
    [
        ("intervals", intervals(results)),
        ("homes", homes(results)),
        ("home_intervals", home_intervals(results)),
        ("fills", fills(results)),
    ]
}

fn intervals(results: &Results) -> Vec<Column> {
    let rows = &results.intervals;
    vec![
        column("start_s", rows, |r| r.start_s),
        column("need_wh", rows, |r| r.need_wh),
        column("surplus_wh", rows, |r| r.surplus_wh),
        column("traded_wh", rows, |r| r.traded_wh),
        optional("price_micro_per_kwh", rows, |r| r.price_micro),
        optional("price_lo_micro_per_kwh", rows, |r| r.price_lo_micro),
        optional("price_hi_micro_per_kwh", rows, |r| r.price_hi_micro),
        column("bids", rows, |r| r.bids),
        column("asks", rows, |r| r.asks),
        column("fees_nano", rows, |r| r.fees_nano),
        column("minted_wh", rows, |r| r.minted_wh),
    ]
}

fn homes(results: &Results) -> Vec<Column> {
    let rows = &results.homes;
    vec![
        column("home", rows, |r| r.home),
        texts("name", rows, |r| &r.name),
        texts("kind", rows, |r| &r.kind),
        column("pv_peak_w", rows, |r| r.pv_peak_w),
        column("battery_wh", rows, |r| r.battery_wh),
        texts("preference", rows, |r| &r.preference),
        column("deposit_units", rows, |r| r.deposit_units),
        column("load_wh", rows, |r| r.load_wh),
        column("pv_wh", rows, |r| r.pv_wh),
        column("import_wh", rows, |r| r.import_wh),
        column("export_wh", rows, |r| r.export_wh),
        column("bought_wh", rows, |r| r.bought_wh),
        column("sold_wh", rows, |r| r.sold_wh),
        column("cost_nano", rows, |r| r.cost_nano),
        column("without_market_nano", rows, |r| r.without_market_nano),
        column("saving_nano", rows, |r| r.saving_nano),
        column("cut_intervals", rows, |r| r.cut_intervals),
    ]
}

fn home_intervals(results: &Results) -> Vec<Column> {
    let rows = &results.home_intervals;
    vec![
        column("start_s", rows, |r| r.start_s),
        column("home", rows, |r| r.home),
        column("import_wh", rows, |r| r.import_wh),
        column("export_wh", rows, |r| r.export_wh),
        column("bought_wh", rows, |r| r.bought_wh),
        column("sold_wh", rows, |r| r.sold_wh),
        column("cash_nano", rows, |r| r.cash_nano),
        column("fee_nano", rows, |r| r.fee_nano),
        column("utility_bill_nano", rows, |r| r.utility_bill_nano),
        column("without_market_nano", rows, |r| r.without_market_nano),
        column("verified_wh", rows, |r| r.verified_wh),
        column("credited_wh", rows, |r| r.credited_wh),
        column("was_cut", rows, |r| r.was_cut),
    ]
}

fn fills(results: &Results) -> Vec<Column> {
    let rows = &results.fills;
    vec![
        column("start_s", rows, |r| r.start_s),
        column("home", rows, |r| r.home),
        texts("side", rows, |r| {
            if r.side == Side::Bid { "bid" } else { "ask" }
        }),
        column("quantity_wh", rows, |r| r.quantity_wh),
        column("limit_micro_per_kwh", rows, |r| r.limit_micro),
        column("price_micro_per_kwh", rows, |r| r.price_micro),
        column("fill_wh", rows, |r| r.fill_wh),
        column("amount_nano", rows, |r| r.amount_nano),
        column("fee_nano", rows, |r| r.fee_nano),
    ]
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoLazy, col};
    use polars_io::{SerReader as _, parquet::read::ParquetReader};

    use super::*;
    use crate::{runner, scenario::BUNDLED};

    fn short() -> Scenario {
        let mut scenario = Scenario::parse(BUNDLED[0].1).expect("bundled");
        scenario.days = 1;
        scenario
    }

    fn written(threads: usize) -> (tempfile::TempDir, Written, Results) {
        let folder = tempfile::tempdir().expect("a folder");
        let results = runner::run(&short(), 5, threads).expect("runs");
        let written = write(folder.path(), &short(), 5, &results).expect("writes");
        (folder, written, results)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads() {
        let (_one, first, _) = written(1);
        let (_two, second, _) = written(4);
        assert_eq!(first.hash, second.hash);
        for (a, b) in first.files.iter().zip(&second.files) {
            assert_eq!(
                fs::read(a).expect("there"),
                fs::read(b).expect("there"),
                "{}",
                a.display()
            );
        }
    }

    #[test]
    fn what_was_written_can_be_read_and_sums_to_the_same() {
        let (folder, _, results) = written(2);
        let file = fs::File::open(folder.path().join("intervals.parquet")).expect("there");
        let frame = ParquetReader::new(file).finish().expect("Parquet");
        assert_eq!(frame.height(), 96);
        let sums = frame
            .lazy()
            .select([col("traded_wh").sum()])
            .collect()
            .expect("a sum");
        let sum = sums
            .column("traded_wh")
            .expect("there")
            .u64()
            .expect("Wh are u64")
            .get(0);
        assert_eq!(
            sum,
            Some(results.intervals.iter().map(|i| i.traded_wh).sum())
        );
    }

    #[test]
    fn the_dictionary_names_every_column() {
        let dictionary = include_str!("../scenarios/README.md");
        for (table, columns) in tables(&Results::default()) {
            let line = dictionary
                .lines()
                .find(|l| l.contains(&format!("`{table}.parquet`")))
                .expect("a line");
            let named: Vec<&str> = columns.iter().map(|c| c.name().as_str()).collect();
            let listed: Vec<&str> = line.split('`').skip(3).step_by(2).collect();
            assert_eq!(named, listed, "{table}");
        }
    }
}

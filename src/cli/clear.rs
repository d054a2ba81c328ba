//! `commonwatt clear`: arguments, files and exit codes around [`crate::clear`].

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use market_engine::mechanism::Mechanism;

use crate::clear::{
    BadInput, Book, CODES, ClearingResult, Comparison, Fault, Format, Stated, clear, load,
    parse_mechanism, parse_share, recheck,
};

/// Exit code for a result that the checker refuses.
const REFUSED: u8 = 1;
/// Exit code for bad input.
const BAD_INPUT: u8 = 2;
/// k where nobody says otherwise.
const K_PPM_DEFAULT: u32 = 500_000;

/// Clear a book of orders from a file, compare mechanisms on it, or check a result.
///
/// Exit code: 0 done, or accepted; 1 the checker refuses the result; 2 bad input, with one JSON line on standard error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = long_help())]
pub(super) struct ClearArguments {
    /// The book, JSON or CSV; `-` is standard input.
    book: PathBuf,
    /// How trades are made of it.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["compare", "check"])]
    mechanism: Option<String>,
    /// Where the price lies between the lowest valid one (0) and the highest (1); 0.5 unless given.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    k: Option<String>,
    /// Write the result to this file, whole or not at all, instead of standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// All mechanisms side by side on this book.
    #[arg(long, conflicts_with = "check")]
    compare: bool,
    /// Run only the checker: is this the result of the book?
    #[arg(long, value_name = "RESULT")]
    check: Option<PathBuf>,
    /// Print JSON where a table or a sentence would be printed.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ClearArguments) -> ExitCode {
    let outcome = match &arguments.check {
        Some(result) => check_result(arguments, result),
        None if arguments.compare => compare(arguments),
        None => clear_book(arguments),
    };
    outcome.unwrap_or_else(|bad| {
        eprintln!("{}", bad.line());
        ExitCode::from(BAD_INPUT)
    })
}

fn clear_book(arguments: &ClearArguments) -> Result<ExitCode, BadInput> {
    let mechanism = match &arguments.mechanism {
        Some(name) => parse_mechanism(name)?,
        None => Mechanism::default(),
    };
    let k_ppm = share(arguments)?.unwrap_or(K_PPM_DEFAULT);
    let bytes = load(&arguments.book)?;
    let book = Book::parse(&bytes, Format::of(&arguments.book, &bytes))?;
    let outcome = clear(&book, mechanism, k_ppm)?;
    let result = ClearingResult {
        book: &book,
        terms: &book.terms(k_ppm),
        outcome: &outcome,
    };
    write(arguments.out.as_deref(), |out| result.write_to(out))?;
    if arguments.out.is_some() && io::stdout().is_terminal() {
        super::say(&result.summary());
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(arguments: &ClearArguments) -> Result<ExitCode, BadInput> {
    let k_ppm = share(arguments)?.unwrap_or(K_PPM_DEFAULT);
    let bytes = load(&arguments.book)?;
    let book = Book::parse(&bytes, Format::of(&arguments.book, &bytes))?;
    let comparison = Comparison::of(&book, k_ppm)?;
    let is_json = arguments.json || arguments.out.is_some();
    write(arguments.out.as_deref(), |out| match is_json {
        true => comparison.write_json(out),
        false => comparison.write_table(out),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn check_result(arguments: &ClearArguments, result: &Path) -> Result<ExitCode, BadInput> {
    let k_ppm = share(arguments)?;
    let result = load(result).map_err(|bad| bad.in_file("RESULT"))?;
    let stated = Stated::parse(&result)?;
    let bytes = load(&arguments.book)?;
    let book = Book::parse(&bytes, Format::of(&arguments.book, &bytes))?;
    let verdict = recheck(&stated, &book, k_ppm);
    let reason = verdict.as_ref().err().map(ToString::to_string);
    super::say(&match (&reason, arguments.json) {
        (_, true) => {
            serde_json::json!({ "accepted": reason.is_none(), "reason": reason }).to_string()
        }
        (None, false) => format!("accepted: {}", stated.summary()),
        (Some(reason), false) => format!("refused: {reason}"),
    });
    Ok(match reason {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(REFUSED),
    })
}

fn share(arguments: &ClearArguments) -> Result<Option<u32>, BadInput> {
    let k_ppm = arguments.k.as_deref().map(parse_share).transpose();
    k_ppm.map_err(BadInput::from)
}

/// Writes to standard output, or to a file that appears when it is complete.
fn write(
    file: Option<&Path>,
    text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), BadInput> {
    let written = match file {
        Some(file) => replace(file, text),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            match text(&mut out).and_then(|()| out.flush()) {
                // A reader that has gone, as `head` does, has what it wanted.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            }
        }
    };
    written.map_err(|error| {
        let fault = Fault::Unwritable {
            file: file.map_or("standard output".to_owned(), |file| {
                file.display().to_string()
            }),
            reason: error.to_string(),
        };
        fault.into()
    })
}

/// Writes beside the file, then puts it in its place. What is no file, as a device, is written to.
fn replace(file: &Path, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if std::fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(std::fs::OpenOptions::new().write(true).open(file)?);
        return text(&mut out).and_then(|()| out.flush());
    }
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for any new file: what the umask leaves of it.
        new.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut out = BufWriter::new(new.tempfile_in(folder)?);
    text(&mut out)?;
    let new = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

fn long_help() -> String {
    let mechanisms: String = Mechanism::ALL
        .iter()
        .map(|mechanism| format!("  {:<20} {}\n", mechanism.name(), mechanism.facts().title))
        .collect();
    let codes: String = CODES
        .iter()
        .map(|(code, meaning)| format!("  {code:<18} {meaning}\n"))
        .collect();
    format!(
        "\
Book:
  JSON  {{\"orders\": [{{\"id\", \"side\", \"qty_wh\", \"price_micro_per_kwh\"}}, …], \"interval\": 0}}
        id: a string; side: bid or ask; qty_wh: an integer from 0 to 2^63 - 1; price: an integer, may be
        negative. An order may have owner, origin and partner; other fields are ignored.
        interval: UTC seconds, seeds the last ties (0). retail_micro_per_kwh, feed_in_micro_per_kwh: the
        tariff band of the sharing rules (best bid, best ask of the book).
  CSV   a header line with the same names in any order, then an order a line; other columns are ignored
  An id of 32 lower-case hexadecimal digits is the order's id itself, as in a live zone; any other name stands
  for the first 16 bytes of keccak256(\"book\" 00 name).

Mechanisms:
{mechanisms}
Codes of bad input, {{\"code\", \"index\", \"message\"}}; index is the position of the order, or of the fill in
RESULT, counted from 0, or null; the message names line and column:
{codes}"
    )
    .trim_end()
    .to_owned()
}

//! Files in: a bounded read, text, and which of the two formats it is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::fault::{BadInput, Fault, INPUT_BYTES_MAX};

/// How a book is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One object with the orders in an array.
    Json,
    /// A header line, then an order a line.
    Csv,
}

impl Format {
    /// By the name's ending; without one that says it, by the first byte that is not space: an object or an array is
    /// JSON.
    #[must_use]
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("csv") => Self::Csv,
            Some("json") => Self::Json,
            _ => match without_mark(bytes).trim_ascii_start().first() {
                Some(b'{' | b'[') => Self::Json,
                _ => Self::Csv,
            },
        }
    }
}

/// Reads a file, or standard input for `-`, as far as [`INPUT_BYTES_MAX`].
///
/// # Errors
/// [`Fault::Unreadable`] and [`Fault::TooLarge`].
pub fn load(path: &Path) -> Result<Vec<u8>, BadInput> {
    let bytes = if path == Path::new("-") {
        bounded(std::io::stdin().lock(), INPUT_BYTES_MAX)
    } else {
        File::open(path)
            .map_err(|error| unreadable(&error))
            .and_then(|file| bounded(file, INPUT_BYTES_MAX))
    };
    Ok(bytes?)
}

fn bounded(from: impl Read, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Fault::TooLarge);
    }
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::Unreadable {
        reason: error.to_string(),
    }
}

/// The text of a file, without the mark that some programs put before it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, BadInput> {
    let text = std::str::from_utf8(without_mark(bytes)).map_err(|error| {
        let at = error.valid_up_to();
        let bytes = without_mark(bytes);
        BadInput {
            place: Some(line_and_column(bytes, at)),
            ..Fault::NotUtf8 {
                byte: bytes.get(at).copied().unwrap_or_default(),
            }
            .into()
        }
    })?;
    if text.trim_ascii().is_empty() {
        return Err(Fault::Empty.into());
    }
    Ok(text)
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Line and column of a byte, both from 1.
pub(super) fn line_and_column(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at.min(bytes.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    (line, before.len() - start + 1)
}

/// Line and column of a piece of the text, found by its address: a piece that was cut out of the text still lies in it.
pub(super) fn place_of(text: &str, piece: &str) -> Option<(usize, usize)> {
    let at = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (at <= text.len()).then(|| line_and_column(text.as_bytes(), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_the_bound() {
        assert_eq!(bounded(&b"12345"[..], 5), Ok(b"12345".to_vec()));
        assert_eq!(bounded(std::io::repeat(b'['), 5), Err(Fault::TooLarge));
    }

    #[test]
    fn the_ending_says_the_format_or_the_first_byte_does() {
        for (name, bytes, format) in [
            ("a.csv", "{", Format::Csv),
            ("a.CSV", "{", Format::Csv),
            ("a.json", "id,side", Format::Json),
            ("-", " \n{", Format::Json),
            ("-", "\u{feff}{", Format::Json),
            ("book", "[", Format::Json),
            ("book", "id,side", Format::Csv),
            ("book", "", Format::Csv),
        ] {
            assert_eq!(
                Format::of(Path::new(name), bytes.as_bytes()),
                format,
                "{name} {bytes}"
            );
        }
    }

    #[test]
    fn places_are_counted_from_one() {
        let text = "ab\ncd";
        assert_eq!(place_of(text, &text[0..1]), Some((1, 1)));
        assert_eq!(place_of(text, &text[4..5]), Some((2, 2)));
        assert_eq!(place_of(text, &text[5..]), Some((2, 3)));
    }
}

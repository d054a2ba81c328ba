//! CSV after RFC 4180: a header line, fields in quotes where they need them, a field's text cut out of the file.
//!
//! Stricter than most readers, because a file that ends within a quote has been cut off: stray quotes, an open one, and
//! rows with more or fewer fields than the header are faults. Empty lines are passed over, space around a field without
//! quotes is not part of it.

use super::fault::{BadInput, Fault, quoted};
use super::json::{FaultAt, Values};
use super::source::place_of;

/// The most fields of a line: a line needs memory for each.
const FIELDS_MAX: usize = 1_000;

/// Reads a table; `take` is called for each row, with the values of the named columns. Other columns are ignored.
///
/// The first `needed` names must be in the header.
pub(super) fn table<'a, const N: usize>(
    text: &'a str,
    names: &[&'static str; N],
    needed: usize,
    mut take: impl FnMut(Values<'a, N>) -> Result<(), FaultAt<'a>>,
) -> Result<(), BadInput> {
    let mut rest = text;
    let mut row = Vec::new();
    next_row(&mut rest, &mut row).map_err(|at| bad_input(text, at, None))?;
    let width = row.len();
    let columns = columns(&row, names, needed).map_err(|at| bad_input(text, at, None))?;
    let mut index = 0;
    while next_row(&mut rest, &mut row).map_err(|at| bad_input(text, at, Some(index)))? {
        row_values(&row, width, &columns)
            .and_then(&mut take)
            .map_err(|at| bad_input(text, at, Some(index)))?;
        index += 1;
    }
    Ok(())
}

fn bad_input(text: &str, at: FaultAt<'_>, index: Option<usize>) -> BadInput {
    BadInput {
        index,
        place: at.value.and_then(|value| place_of(text, value)),
        ..at.fault.into()
    }
}

/// For each name, which column it is.
fn columns<'a, const N: usize>(
    header: &[&'a str],
    names: &[&'static str; N],
    needed: usize,
) -> Result<[Option<usize>; N], FaultAt<'a>> {
    let mut columns = [None; N];
    for (at, title) in header.iter().enumerate() {
        let title_text = super::cell::unquoted(title);
        let Some(name) = names.iter().position(|name| *name == title_text) else {
            continue;
        };
        if columns[name].replace(at).is_some() {
            return Err(FaultAt {
                fault: Fault::RepeatedField { field: names[name] },
                value: Some(title),
            });
        }
    }
    match (0..needed).find(|name| columns[*name].is_none()) {
        Some(name) => Err(FaultAt {
            fault: Fault::MissingField { field: names[name] },
            value: header.first().copied(),
        }),
        None => Ok(columns),
    }
}

fn row_values<'a, const N: usize>(
    row: &[&'a str],
    width: usize,
    columns: &[Option<usize>; N],
) -> Result<Values<'a, N>, FaultAt<'a>> {
    if row.len() != width {
        return Err(FaultAt {
            fault: Fault::Syntax {
                expected: format!("{width} fields as in the header"),
                got: row.len().to_string(),
            },
            value: row.first().copied(),
        });
    }
    Ok(columns.map(|column| column.and_then(|at| row.get(at).copied())))
}

/// Cuts the next row that is not empty off the text; false at its end.
fn next_row<'a>(rest: &mut &'a str, row: &mut Vec<&'a str>) -> Result<bool, FaultAt<'a>> {
    row.clear();
    *rest = rest.trim_start_matches(['\r', '\n']);
    if rest.trim_start_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Ok(false);
    }
    loop {
        let field = next_field(rest)?;
        row.push(field);
        match rest.as_bytes().first() {
            Some(b',') if row.len() < FIELDS_MAX => *rest = &rest[1..],
            Some(b',') => return Err(too_many(field)),
            _ => return Ok(true),
        }
    }
}

fn too_many(field: &str) -> FaultAt<'_> {
    FaultAt {
        fault: Fault::Syntax {
            expected: format!("at most {FIELDS_MAX} fields in a line"),
            got: "more".to_owned(),
        },
        value: Some(field),
    }
}

/// Cuts a field off the text, and leaves the text at what ends it: a comma, an end of line, the end.
fn next_field<'a>(rest: &mut &'a str) -> Result<&'a str, FaultAt<'a>> {
    let start = rest.trim_start_matches([' ', '\t']);
    let length = if start.starts_with('"') {
        quoted_length(start)?
    } else {
        start.find([',', '\r', '\n']).unwrap_or(start.len())
    };
    let (field, after) = start.split_at(length);
    let after = after.trim_start_matches([' ', '\t']);
    let field = field.trim_end_matches([' ', '\t']);
    let is_stray_quote = !field.starts_with('"') && field.contains('"');
    if is_stray_quote || !(after.is_empty() || after.starts_with([',', '\r', '\n'])) {
        return Err(FaultAt {
            fault: Fault::Syntax {
                expected: "quotes around a whole field, doubled within".to_owned(),
                got: quoted(field),
            },
            value: Some(field),
        });
    }
    *rest = after;
    Ok(field)
}

/// How long a field in quotes is, the quotes included.
fn quoted_length(start: &str) -> Result<usize, FaultAt<'_>> {
    let mut at = 1;
    while let Some(quote) = start[at..].find('"') {
        at += quote + 1;
        if !start[at..].starts_with('"') {
            return Ok(at);
        }
        at += 1;
    }
    Err(FaultAt {
        fault: Fault::Syntax {
            expected: "a closing quote".to_owned(),
            got: "the end of the file".to_owned(),
        },
        value: Some(start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<[Option<&'static str>; 3]>;

    fn read(text: &'static str) -> Result<Rows, (&'static str, Option<usize>, Option<usize>)> {
        let mut rows = Vec::new();
        table(text, &["id", "n", "owner"], 2, |row| {
            rows.push(row);
            Ok(())
        })
        .map_err(|bad| {
            let line = bad.place.map(|place| place.0);
            (bad.fault.code(), bad.index, line)
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        assert_eq!(
            read("n , \"id\",colour\r\n 5,a,red\r\n\r\n6,\"b, \"\"c\"\"\n\",\"\"\n"),
            Ok(vec![
                [Some("a"), Some("5"), None],
                [Some("\"b, \"\"c\"\"\n\""), Some("6"), None],
            ])
        );
        assert_eq!(read("id,n"), Ok(vec![]));
        assert_eq!(
            read("id,n,owner\na,,"),
            Ok(vec![[Some("a"), Some(""), Some("")]])
        );
    }

    #[test]
    fn faults_carry_their_line() {
        for (text, expected) in [
            ("n\n5", ("missing-field", None, Some(1))),
            ("id,n,id\n", ("repeated-field", None, Some(1))),
            ("id,n\na,1\n\nb\n", ("syntax", Some(1), Some(4))),
            ("id,n\na,1,2\n", ("syntax", Some(0), Some(2))),
            ("id,n\na,\"1", ("syntax", Some(0), Some(2))),
            ("id,n\na,1\n\"b\"x,1", ("syntax", Some(1), Some(3))),
            ("id,n\na\"b\",1", ("syntax", Some(0), Some(2))),
        ] {
            assert_eq!(read(text), Err(expected), "{text}");
        }
        let wide = |fields: usize| "id,n".to_owned() + &",x".repeat(fields - 2);
        assert_eq!(read(wide(FIELDS_MAX).leak()), Ok(vec![]));
        assert_eq!(
            read(wide(FIELDS_MAX + 1).leak()),
            Err(("syntax", None, Some(1)))
        );
    }
}

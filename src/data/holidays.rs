//! Days without rows, from a file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::calendar::Closed;
use super::count::counted;
use super::source;
use super::time::{DateForm, parse_compact, parse_written};
use crate::error::{Error, Place, Result, Text};

/// Reads a file of dates: the first cell of each line. A first line that is no date is a header; empty lines and lines that begin with
/// `#` are left out.
///
/// # Errors
/// A file that cannot be read; a line whose first cell is no date.
pub(super) fn read(path: &Path, notices: &mut Vec<Text>) -> Result<Closed> {
    let file = path.display().to_string();
    let bytes = source::read(path, "‹holidays› takes a text file of dates, one a line")?;
    let text = String::from_utf8_lossy(source::plain_text(&file, &bytes)?);
    let mut days = BTreeSet::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (place, (number, line)) in lines.enumerate() {
        let cell = line.split([',', ';', '\t']).next().unwrap_or_default().trim().trim_matches('"');
        let plain = parse_written(cell).filter(|written| written.form == DateForm::Plain);
        match plain.and_then(|written| written.timestamp(false)).or_else(|| parse_compact(cell)) {
            Some(time) => drop(days.insert(time.written().date())),
            None if place == 0 => {}
            None => {
                let place = Place { line: Some(number as u64 + 1), value: Some(cell.into()), ..Place::of(file) };
                return Err(Error::data(place, "no date", "‹holidays› takes one date a line, as YYYY-MM-DD"));
            }
        }
    }
    if days.is_empty() {
        return Err(Error::data(Place::of(file), "no dates", "‹holidays› takes one date a line, as YYYY-MM-DD"));
    }
    notices.push(format!("{} without rows, from {file}", counted(days.len(), "day")).into());
    Ok(Arc::new(days))
}

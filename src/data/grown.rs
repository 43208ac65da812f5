//! The training data inside a file that grew since.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::columnar;
use super::frame::Ids;
use super::load::Content;
use super::options::{DataOptions, Layout};
use super::reading::{id_columns, ids};
use super::source::Format;
use super::table::CsvTable;

/// What of a file is the training data.
pub(crate) enum Own {
    /// So many bytes from its beginning; none of a frame, which is all of it then.
    First(usize),
    /// These lines of it.
    Lines(Vec<u8>),
    /// Of a file of typed columns these rows, of so many; the fingerprint is that of the file that held them alone.
    Rows { rows: Vec<usize>, of: usize, fingerprint: String },
}

/// What is known of the training data: [`Dataset::fingerprint`], [`Dataset::content`] and [`Dataset::lines`].
///
/// [`Dataset::fingerprint`]: super::Dataset::fingerprint
/// [`Dataset::content`]: super::Dataset::content
/// [`Dataset::lines`]: super::Dataset::lines
pub(crate) struct Trained<'a> {
    pub fingerprint: &'a str,
    pub content: &'a str,
    pub rows: &'a BTreeMap<String, usize>,
}

impl Content<'_> {
    /// What of it is the training data: all of it, what precedes lines that were added, or what is left without rows that were added to
    /// each series. A file of typed columns is known by its cells. `options` say how the training data was read.
    pub(crate) fn own(&self, trained: &Trained, options: &DataOptions) -> Option<Own> {
        let digest = digest(trained.fingerprint)?;
        if let Some(frame) = &self.frame {
            let table = frame.table(options).ok()?;
            return match table.digest(0..table.rows()) == trained.fingerprint {
                true => Some(Own::First(0)),
                false => rows_of_series(&table, trained, options),
            };
        }
        if let Format::Columns(kind) = Format::of(&self.bytes) {
            if Sha256::digest(&self.bytes)[..] == *digest {
                return Some(Own::First(self.bytes.len()));
            }
            let table = columnar::read(&self.file, kind, self.bytes.to_vec(), options).ok()?;
            return rows_of_series(&table, trained, options);
        }
        self.beginning(&digest)
            .map(Own::First)
            .or_else(|| self.of_series(&digest, trained.rows, options).map(Own::Lines))
    }

    /// Whether this part of it is all of it.
    pub(crate) fn is_all(&self, own: &Own) -> bool {
        match own {
            Own::First(bytes) => *bytes == self.bytes.len(),
            Own::Lines(lines) => lines.len() == self.bytes.len(),
            Own::Rows { rows, of, .. } => rows.len() == *of,
        }
    }

    /// How many bytes from the beginning have this digest.
    fn beginning(&self, digest: &[u8]) -> Option<usize> {
        let (mut hash, mut hashed) = (Sha256::new(), 0);
        let feeds = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        for feed in feeds {
            // The last line may have had no end.
            let carriage = feed - usize::from(feed > hashed && self.bytes[feed - 1] == b'\r');
            for end in [carriage, feed, feed + 1] {
                hash.update(&self.bytes[hashed..end]);
                hashed = end;
                if hash.clone().finalize()[..] == *digest {
                    return Some(end);
                }
            }
        }
        hash.update(&self.bytes[hashed..]);
        (hash.finalize()[..] == *digest).then_some(self.bytes.len())
    }

    /// The lines of this digest: of each series the first rows, or the last in a file from new to old, as many as there were.
    fn of_series(&self, digest: &[u8], rows: &BTreeMap<String, usize>, options: &DataOptions) -> Option<Vec<u8>> {
        if options.layout == Some(Layout::Rows) {
            return None;
        }
        let table = CsvTable::read(&self.file, &self.bytes, options).ok()?;
        let candidates = candidates(&table, rows, options)?;
        let feeds = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> = [0].into_iter().chain(feeds).collect();
        let start =
            |row: usize| -> Option<usize> { starts.get((table.at(row).line? as usize).checked_sub(1)?).copied() };
        candidates.rows.into_iter().find_map(|rows| {
            let mut lines = self.bytes.get(..start(0)?)?.to_vec();
            for row in rows {
                let end = if row + 1 < table.rows() { start(row + 1)? } else { self.bytes.len() };
                lines.extend_from_slice(self.bytes.get(start(row)?..end)?);
            }
            // The last line may have had no end, and may have none now.
            let bare = lines.strip_suffix(b"\n").unwrap_or(&lines);
            let bare = bare.strip_suffix(b"\r").unwrap_or(bare).to_vec();
            let ends: [&[u8]; 3] = [b"", b"\n", b"\r\n"];
            ends.into_iter().map(|end| [&bare, end].concat()).find(|lines| Sha256::digest(lines)[..] == *digest)
        })
    }
}

/// The rows of typed columns whose cells are those of the training data.
fn rows_of_series(table: &CsvTable, trained: &Trained, options: &DataOptions) -> Option<Own> {
    if trained.content.is_empty() {
        return None;
    }
    let Candidates { ids, rows } = candidates(table, trained.rows, options)?;
    let rows = rows.into_iter().find(|rows| {
        let mut by_series = rows.clone();
        by_series.sort_by_key(|row| (&ids.names[ids.of_row[*row]], *row));
        table.digest(by_series.into_iter()) == trained.content
    })?;
    Some(Own::Rows { rows, of: table.rows(), fingerprint: trained.fingerprint.into() })
}

/// Rows of a table that may be the training data.
struct Candidates {
    ids: Ids,
    /// Of each series the first rows, or the last in a file from new to old, as many as there were. They rise.
    rows: [Vec<usize>; 2],
}

/// `rows` are those of the training data by series. `None` if one of them has fewer.
fn candidates(table: &CsvTable, rows: &BTreeMap<String, usize>, options: &DataOptions) -> Option<Candidates> {
    let ids = ids(table, &id_columns(table, options).ok()?).ok()?;
    let mut there = vec![0usize; ids.names.len()];
    ids.of_row.iter().for_each(|series| there[*series] += 1);
    let kept: Vec<usize> = ids.names.iter().map(|name| rows.get(name).copied().unwrap_or(0)).collect();
    let known = ids.names.iter().filter(|name| rows.contains_key(*name)).count();
    if rows.is_empty() || known < rows.len() || kept.iter().zip(&there).any(|(kept, there)| kept > there) {
        return None;
    }
    let rows = [false, true].map(|last| {
        let mut seen = vec![0; there.len()];
        let is_kept = |(row, series): (usize, &usize)| {
            let first = if last { there[*series] - kept[*series] } else { 0 };
            let place = seen[*series];
            seen[*series] += 1;
            (first..first + kept[*series]).contains(&place).then_some(row)
        };
        ids.of_row.iter().enumerate().filter_map(is_kept).collect()
    });
    Some(Candidates { ids, rows })
}

/// A fingerprint's bytes.
fn digest(fingerprint: &str) -> Option<Vec<u8>> {
    let pairs = fingerprint.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

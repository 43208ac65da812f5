//! The training data inside a file that grew since.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::load::Content;
use super::options::{DataOptions, Layout};
use super::reading::{id_columns, ids};
use super::source::Format;
use super::table::CsvTable;

/// What of a file is the training data.
pub(crate) enum Own {
    /// So many bytes from its beginning.
    First(usize),
    /// These lines of it.
    Lines(Vec<u8>),
}

impl Own {
    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Own::First(bytes) => *bytes,
            Own::Lines(bytes) => bytes.len(),
        }
    }
}

impl Content<'_> {
    /// What of it has this fingerprint: all of it, what precedes lines that were added, or what is left without lines that were added to
    /// each series. `rows` are those of the training data by series, and `options` say how it was read.
    pub(crate) fn own(&self, fingerprint: &str, rows: &BTreeMap<String, usize>, options: &DataOptions) -> Option<Own> {
        let digest = digest(fingerprint)?;
        self.beginning(&digest).map(Own::First).or_else(|| self.of_series(&digest, rows, options).map(Own::Lines))
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
        if rows.is_empty() || options.layout == Some(Layout::Rows) || !matches!(Format::of(&self.bytes), Format::Text) {
            return None;
        }
        let table = CsvTable::read(&self.file, &self.bytes, options).ok()?;
        let ids = ids(&table, &id_columns(&table, options).ok()?).ok()?;
        let mut there = vec![0usize; ids.names.len()];
        ids.of_row.iter().for_each(|series| there[*series] += 1);
        let kept: Vec<usize> = ids.names.iter().map(|name| rows.get(name).copied().unwrap_or(0)).collect();
        let known = ids.names.iter().filter(|name| rows.contains_key(*name)).count();
        if known < rows.len() || kept.iter().zip(&there).any(|(kept, there)| kept > there) {
            return None;
        }
        let feeds = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> = [0].into_iter().chain(feeds).collect();
        let start =
            |row: usize| -> Option<usize> { starts.get((table.at(row).line? as usize).checked_sub(1)?).copied() };
        [false, true].into_iter().find_map(|last| {
            let mut seen = vec![0; there.len()];
            let mut lines = self.bytes.get(..start(0)?)?.to_vec();
            for (row, series) in ids.of_row.iter().enumerate() {
                let first = if last { there[*series] - kept[*series] } else { 0 };
                if (first..first + kept[*series]).contains(&seen[*series]) {
                    let end = if row + 1 < table.rows() { start(row + 1)? } else { self.bytes.len() };
                    lines.extend_from_slice(self.bytes.get(start(row)?..end)?);
                }
                seen[*series] += 1;
            }
            // The last line may have had no end, and may have none now.
            let bare = lines.strip_suffix(b"\n").unwrap_or(&lines);
            let bare = bare.strip_suffix(b"\r").unwrap_or(bare).to_vec();
            let ends: [&[u8]; 3] = [b"", b"\n", b"\r\n"];
            ends.into_iter().map(|end| [&bare, end].concat()).find(|lines| Sha256::digest(lines)[..] == *digest)
        })
    }
}

/// A fingerprint's bytes.
fn digest(fingerprint: &str) -> Option<Vec<u8>> {
    let pairs = fingerprint.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

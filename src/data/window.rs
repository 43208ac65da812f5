//! Which windows there are: starts of look-back plus horizon rows, by split part.

use std::ops::Range;

use super::dataset::SplitName;
use super::split::{Parts, of_series};
use crate::error::{Error, Result};

/// Counts that answer "how many in these rows?" in one subtraction.
#[derive(Debug, Clone)]
pub(crate) struct Prefix(Vec<u32>);

impl Prefix {
    pub(super) fn new(counts: impl Iterator<Item = u32>) -> Prefix {
        let mut sums = vec![0];
        let mut sum = 0;
        sums.extend(counts.map(|count| {
            sum += count;
            sum
        }));
        Prefix(sums)
    }

    /// The sum over rows `from..to`.
    pub(super) fn between(&self, from: usize, to: usize) -> u32 {
        self.0[to] - self.0[from]
    }
}

/// What decides on a window, by global row.
pub(crate) struct Rows {
    /// Observed targets of each row.
    pub observed: Prefix,
    /// 1 for a row in which an input has no value.
    pub unreadable: Prefix,
    /// `[rows, columns]`: a value column has no value there.
    pub holes: Vec<bool>,
    pub names: Vec<String>,
    /// 1 for a row that does not follow its predecessor by one step; all 0 unless windows may not span gaps.
    pub breaks: Prefix,
}

/// Windows that are not used, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// They would read a row that has no value, seen or imputed.
    pub unreadable: usize,
    /// They span a gap (`--gaps skip`).
    pub gap: usize,
    /// None of their targets was observed, so nothing could be scored.
    pub unobserved: usize,
}

impl Dropped {
    /// Windows left out for any reason.
    pub fn total(&self) -> usize {
        self.unreadable + self.gap + self.unobserved
    }
}

impl Rows {
    /// The column with the most holes among some rows.
    fn emptiest(&self, rows: Range<usize>) -> &str {
        let width = self.names.len();
        let holes = |column: &usize| rows.clone().filter(|row| self.holes[row * width + column]).count();
        (0..width).max_by_key(holes).map_or("", |column| &self.names[column])
    }
}

/// Finds windows of one shape.
pub(crate) struct Finder<'a> {
    pub lookback: usize,
    pub horizon: usize,
    pub rows: &'a Rows,
    pub dropped: Dropped,
}

impl Finder<'_> {
    /// The windows of one series and part, in time order; none at all is refused.
    pub(super) fn windows(&mut self, id: &str, parts: &Parts, split: SplitName) -> Result<Vec<u32>> {
        let (starts, dropped) = self.any_windows(parts, split);
        if starts.is_empty() {
            let possible = parts.origins(split, self.lookback, self.horizon).len();
            return Err(self.none(id, parts, split, possible, dropped));
        }
        Ok(starts)
    }

    /// The same, which may be none; and those left out.
    pub(super) fn any_windows(&mut self, parts: &Parts, split: SplitName) -> (Vec<u32>, Dropped) {
        let (lookback, horizon) = (self.lookback, self.horizon);
        let origins = parts.origins(split, lookback, horizon);
        let mut dropped = Dropped::default();
        let mut starts = Vec::with_capacity(origins.len());
        for origin in origins {
            let (start, end) = (origin - lookback, origin + horizon);
            if self.rows.breaks.between(start + 1, end) > 0 {
                dropped.gap += 1;
            } else if self.rows.unreadable.between(start, origin) > 0 {
                dropped.unreadable += 1;
            } else if self.rows.observed.between(origin, end) == 0 {
                dropped.unobserved += 1;
            } else {
                starts.push(start as u32);
            }
        }
        self.dropped.gap += dropped.gap;
        self.dropped.unreadable += dropped.unreadable;
        self.dropped.unobserved += dropped.unobserved;
        (starts, dropped)
    }

    fn none(&self, id: &str, parts: &Parts, split: SplitName, possible: usize, dropped: Dropped) -> Error {
        let of = of_series(id);
        let mut why = Vec::new();
        if dropped.gap > 0 {
            why.push(format!("{} span a gap", dropped.gap));
        }
        if dropped.unreadable > 0 {
            let column = self.rows.emptiest(parts.get(split).clone());
            why.push(format!("{} read a row without a value, most often in `{column}`", dropped.unreadable));
        }
        if dropped.unobserved > 0 {
            why.push(format!("{} have no observed target", dropped.unobserved));
        }
        Error::config(
            "split",
            format!("no {split} window{of} is left of {possible}: {}", why.join(", ")),
            "other ‹covariates›, ‹impute›, ‹gaps› or ‹split›, or leave the series out",
        )
    }
}

/// Refuses a series too short for one window in each part. `note` is what there was to tell about the borders.
pub(crate) fn check_length(id: &str, parts: &Parts, lookback: usize, horizon: usize, note: Option<&str>) -> Result<()> {
    for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
        if !parts.origins(split, lookback, horizon).is_empty() {
            continue;
        }
        let (train, validation, test) = (parts.train.len(), parts.validation.len(), parts.test.len());
        let needs = match split {
            SplitName::Train => format!("{lookback} rows in and {horizon} out, all in the training rows"),
            _ => format!("{lookback} rows in before, and {horizon} out in the {split} rows"),
        };
        let mut problem = format!(
            "no {split} window{}: it has {train} training, {validation} validation and {test} test rows, and a window \
             takes {needs}",
            of_series(id)
        );
        if let Some(note) = note {
            problem = format!("{problem}; {note}");
        }
        let help = "smaller ‹lookback› or ‹horizon›, other ‹split› borders, or leave the series out";
        return Err(Error::config("split", problem, help));
    }
    Ok(())
}

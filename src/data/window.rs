//! Which windows there are: starts of look-back plus horizon rows, by split part.

use super::dataset::SplitName;
use super::split::{Parts, of_series};
use crate::error::{Error, Result};

/// Counts that answer "how many in these rows?" in one subtraction.
#[derive(Debug, Clone)]
pub(crate) struct Prefix(Vec<u32>);

impl Prefix {
    pub fn new(counts: impl Iterator<Item = u32>) -> Prefix {
        let mut sums = vec![0];
        let mut sum = 0;
        sums.extend(counts.map(|count| {
            sum += count;
            sum
        }));
        Prefix(sums)
    }

    /// The sum over rows `from..to`.
    pub fn between(&self, from: usize, to: usize) -> u32 {
        self.0[to] - self.0[from]
    }
}

/// What decides on a window, by global row.
pub(crate) struct Rows {
    /// Observed targets of each row.
    pub observed: Prefix,
    /// 1 for a row in which an input has no value.
    pub unreadable: Prefix,
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
    pub fn total(&self) -> usize {
        self.unreadable + self.gap + self.unobserved
    }
}

/// The windows of one series and part, in time order. A training window lies wholly in the training rows; a validation
/// or test window has its targets in its rows, and may reach back for inputs. None at all is refused.
pub(crate) fn windows(
    id: &str,
    parts: &Parts,
    split: SplitName,
    lookback: usize,
    horizon: usize,
    rows: &Rows,
    dropped: &mut Dropped,
) -> Result<Vec<u32>> {
    let (name, part) = match split {
        SplitName::Train => ("training", &parts.train),
        SplitName::Validation => ("validation", &parts.validation),
        SplitName::Test => ("test", &parts.test),
    };
    let first_target = match split {
        SplitName::Train => part.start + lookback,
        _ => part.start.max(parts.train.start + lookback),
    };
    let candidates = first_target..(part.end + 1).saturating_sub(horizon).max(first_target);
    let (possible, before) = (candidates.len(), *dropped);
    let mut starts = Vec::with_capacity(possible);
    for origin in candidates {
        let (start, end) = (origin - lookback, origin + horizon);
        if rows.breaks.between(start + 1, end) > 0 {
            dropped.gap += 1;
        } else if rows.unreadable.between(start, origin) > 0 {
            dropped.unreadable += 1;
        } else if rows.observed.between(origin, end) == 0 {
            dropped.unobserved += 1;
        } else {
            starts.push(start as u32);
        }
    }
    if !starts.is_empty() {
        return Ok(starts);
    }
    let of = of_series(id);
    let lengths = format!(
        "{} training, {} validation, {} test rows",
        parts.train.len(),
        parts.validation.len(),
        parts.test.len()
    );
    Err(if possible == 0 {
        Error::config(
            "--split",
            format!(
                "no {name} window{of}: it has {lengths}; a window takes {lookback} rows in and {horizon} out, all in the \
                 training rows, or its {horizon} targets in the {name} rows"
            ),
            "smaller --lookback or --horizon, other --split borders, or leave the series out",
        )
    } else {
        Error::config(
            "--split",
            format!(
                "no {name} window{of} is left of {possible}: {} span a gap, {} read a row without a value, {} have no observed target",
                dropped.gap - before.gap,
                dropped.unreadable - before.unreadable,
                dropped.unobserved - before.unobserved
            ),
            "other --impute, --gaps, --covariates or --split, or leave the series out",
        )
    })
}

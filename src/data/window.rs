//! Which windows there are: starts of look-back plus horizon rows, by split part.

use std::ops::Range;

use super::count::{counted, grouped};
use super::split::{Parts, SplitName, of_series};
use crate::error::{Error, Result, Text};

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

    /// Of the observed targets of each row; `observed` is `[rows, targets]`, 1 or 0.
    pub(super) fn observed(observed: &[f32], targets: usize) -> Prefix {
        Prefix::new(observed.chunks_exact(targets).map(|row| row.iter().sum::<f32>() as u32))
    }

    /// The sum over rows `from..to`.
    pub(super) fn between(&self, from: usize, to: usize) -> u32 {
        self.0[to] - self.0[from]
    }
}

/// What decides on a window, by global row.
pub(crate) struct Rows<'a> {
    /// Observed targets of each row.
    pub observed: Prefix,
    /// 1 for a row in which an input has no value.
    pub unreadable: Prefix,
    /// `[rows, columns]`: a value column has no value there.
    pub holes: Vec<bool>,
    /// Of the value columns.
    pub names: &'a [String],
    /// 1 for a row that does not follow its predecessor by one step; all 0 unless windows may not span gaps.
    pub breaks: Prefix,
}

/// How many windows are left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// They would read a row that has no value, seen or imputed.
    pub unreadable: usize,
    /// They span a gap, under [`Gaps::Skip`](super::Gaps::Skip).
    pub gap: usize,
    /// None of their targets was observed, so nothing could be scored.
    pub unobserved: usize,
}

impl Dropped {
    /// Windows left out for any reason.
    #[must_use]
    pub fn total(&self) -> usize {
        self.unreadable + self.gap + self.unobserved
    }
}

impl Rows<'_> {
    /// The column with the most holes among some rows.
    fn emptiest(&self, rows: Range<usize>) -> &str {
        let width = self.names.len();
        let holes = |column: &usize| rows.clone().filter(|row| self.holes[row * width + column]).count();
        (0..width).max_by_key(holes).map_or("", |column| &self.names[column])
    }
}

/// Finds windows of one shape.
struct Finder<'a> {
    lookback: usize,
    horizon: usize,
    rows: &'a Rows<'a>,
    dropped: Dropped,
}

impl Finder<'_> {
    /// The windows of one series and part, in time order.
    ///
    /// # Errors
    /// If there is none.
    fn windows(&mut self, id: &str, parts: &Parts, split: SplitName) -> Result<Vec<u32>> {
        let (starts, dropped) = self.any_windows(parts, split);
        if starts.is_empty() {
            let possible = parts.origins(split, self.lookback, self.horizon).len();
            return Err(self.none(id, parts, split, possible, dropped));
        }
        Ok(starts)
    }

    /// The same, of which there may be none, and how many are left out.
    fn any_windows(&mut self, parts: &Parts, split: SplitName) -> (Vec<u32>, Dropped) {
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

/// First input rows of the windows of each part, series by series and in time order.
pub(crate) struct Windows {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub calibration: Vec<u32>,
    pub test: Vec<u32>,
    pub dropped: Dropped,
}

impl Windows {
    /// The windows of all series, given by id and parts in global rows. `calibration` is the share of the validation rows
    /// that is kept for it.
    ///
    /// # Errors
    /// A series without a window in one of its parts.
    pub(super) fn trained<'a>(
        rows: &Rows,
        series: impl Iterator<Item = (&'a str, &'a Parts)>,
        (lookback, horizon): (usize, usize),
        calibration: Option<f64>,
    ) -> Result<Windows> {
        let mut finder = Finder { lookback, horizon, rows, dropped: Dropped::default() };
        let [mut train, mut validation, mut kept, mut test] = [const { Vec::new() }; 4];
        for (id, parts) in series {
            train.extend(finder.windows(id, parts, SplitName::Train)?);
            let windows = finder.windows(id, parts, SplitName::Validation)?;
            match calibration {
                None => validation.extend(windows),
                Some(share) => {
                    let (chooses, calibrates) = calibrate(id, &parts.validation, share, windows, (lookback, horizon))?;
                    validation.extend(chooses);
                    kept.extend(calibrates);
                }
            }
            test.extend(finder.windows(id, parts, SplitName::Test)?);
        }
        Ok(Windows { train, validation, calibration: kept, test, dropped: finder.dropped })
    }

    /// For a trained model: all windows are test windows, if there are any.
    pub(super) fn untrained<'a>(
        rows: &Rows,
        parts: impl Iterator<Item = &'a Parts>,
        (lookback, horizon): (usize, usize),
    ) -> Windows {
        let mut finder = Finder { lookback, horizon, rows, dropped: Dropped::default() };
        let test = parts.flat_map(|parts| finder.any_windows(parts, SplitName::Test).0).collect();
        let [train, validation, calibration] = [const { Vec::new() }; 3];
        Windows { train, validation, calibration, test, dropped: finder.dropped }
    }

    /// How many there are, and how many are left out and why, in words.
    pub(super) fn notices(&self, trained: bool) -> Vec<Text> {
        let [train, validation, calibration, test] =
            [&self.train, &self.validation, &self.calibration, &self.test].map(|list| grouped(list.len()));
        let calibration =
            if self.calibration.is_empty() { String::new() } else { format!(", {calibration} calibration") };
        let mut notices: Vec<Text> = vec![match trained {
            true => format!("windows: {test}").into(),
            false => format!("windows: {train} training, {validation} validation{calibration}, {test} test").into(),
        }];
        let left_out = [
            (self.dropped.gap, "spans a gap"),
            (self.dropped.unreadable, "reads a row that has no value, seen or imputed"),
            (self.dropped.unobserved, "has no observed target"),
        ];
        for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
            notices.push(format!("left out: {}, each of which {why}", counted(count, "window")).into());
        }
        notices
    }
}

/// The windows that choose the epoch, and those held out: the targets of the former lie before the last `share` of the
/// validation rows, those of the latter in it.
fn calibrate(
    id: &str,
    rows: &Range<usize>,
    share: f64,
    windows: Vec<u32>,
    (lookback, horizon): (usize, usize),
) -> Result<(Vec<u32>, Vec<u32>)> {
    let border = rows.end - ((share * rows.len() as f64 + 1e-9).floor() as usize).min(rows.len());
    let origin = |window: &u32| *window as usize + lookback;
    let chooses: Vec<u32> = windows.iter().copied().filter(|window| origin(window) + horizon <= border).collect();
    let calibrates: Vec<u32> = windows.into_iter().filter(|window| origin(window) >= border).collect();
    if chooses.is_empty() || calibrates.is_empty() {
        let whose = if id.is_empty() { String::new() } else { format!(" of series `{id}`") };
        let problem = format!(
            "{share} leaves {} windows that choose the epoch and {} that calibrate, of {} validation rows{whose} and a horizon \
             of {horizon}",
            chooses.len(),
            calibrates.len(),
            rows.len()
        );
        return Err(Error::config("calibration", problem, "another share, a longer validation part, or none"));
    }
    Ok((chooses, calibrates))
}

/// Rejects a series too short for one window in each part. `note` is what was reported about the borders.
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

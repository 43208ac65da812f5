//! Which windows there are: starts of look-back plus horizon rows, by split part.

use std::ops::Range;

use super::count::{counted, few, grouped};
use super::settings::Settings;
use super::short::no_room;
use super::split::{Parts, SplitName, of_series};
use super::weights::WEIGHT;
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

    /// Of the rows that have a hole in one of these columns; `holes` is `[rows, width]`.
    pub(super) fn holes(holes: &[bool], width: usize, columns: Range<usize>) -> Prefix {
        Prefix::new(holes.chunks_exact(width).map(|row| u32::from(row[columns.clone()].contains(&true))))
    }

    /// Whether it counts no rows at all.
    fn is_empty(&self) -> bool {
        self.0.len() == 1
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
    /// 1 for a row of weight 0; of no row, if rows have no weights.
    pub weightless: Prefix,
    /// 1 for a row in which an input has no value.
    pub unreadable: Prefix,
    /// 1 for a row in which a future covariate has no value.
    pub unplanned: Prefix,
    /// 1 for a row that does not follow its predecessor by one step; all 0 unless windows may not span gaps.
    pub breaks: Prefix,
}

/// How many windows are left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// They would read a row that lacks a value: of other data, under [`Impute::Error`](super::Impute::Error).
    pub unreadable: usize,
    /// They span a gap, under [`Gaps::Skip`](super::Gaps::Skip).
    pub gap: usize,
    /// None of their targets was observed, so nothing could be scored.
    pub unobserved: usize,
    /// Training windows that forecast rows of weight 0 alone, so nothing could be learned from them.
    pub weightless: usize,
}

impl Dropped {
    /// Windows left out for any reason.
    #[must_use]
    pub fn total(&self) -> usize {
        self.unreadable + self.gap + self.unobserved + self.weightless
    }
}

impl Rows {
    /// Whether all observed rows among some have weight 0.
    fn are_weightless(&self, rows: Range<usize>) -> bool {
        let counts = |row: usize| self.observed.between(row, row + 1) > 0 && self.weightless.between(row, row + 1) == 0;
        !self.weightless.is_empty() && !rows.into_iter().any(counts)
    }
}

/// Finds windows of one shape.
struct Finder<'a> {
    lookback: usize,
    horizon: usize,
    rows: &'a Rows,
    dropped: Dropped,
}

/// A series as far as its windows need it.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub id: &'a str,
    /// Whether nothing is learned from it.
    pub held_out: bool,
    /// In global rows.
    pub parts: &'a Parts,
    /// Rows of it that precede what a window forecasts.
    pub reach: usize,
}

impl Finder<'_> {
    /// The windows of one series and part, of which there may be none, in time order.
    fn windows(&mut self, one: Span, split: SplitName) -> Vec<u32> {
        let (lookback, horizon) = (self.lookback, self.horizon);
        let origins = one.parts.origins(split, one.reach, horizon);
        let mut starts = Vec::with_capacity(origins.len());
        for origin in origins {
            let (start, end) = (origin - lookback, origin + horizon);
            if self.rows.breaks.between(start + 1, end) > 0 {
                self.dropped.gap += 1;
            } else if self.rows.unreadable.between(start, origin) + self.rows.unplanned.between(origin, end) > 0 {
                self.dropped.unreadable += 1;
            } else if self.rows.observed.between(origin, end) == 0 {
                self.dropped.unobserved += 1;
            } else if split == SplitName::Train && self.rows.are_weightless(origin..end) {
                self.dropped.weightless += 1;
            } else {
                starts.push(start as u32);
            }
        }
        starts
    }

    /// That a part has no window in any series, though there is room for some.
    fn none(&self, series: &[Span], split: SplitName, key: &str, possible: usize, before: Dropped) -> Error {
        let of = if series.len() == 1 { of_series(series[0].id) } else { String::new() };
        let mut why = Vec::new();
        let weightless = self.dropped.weightless - before.weightless;
        // None reads a row without a value: in training, these are filled or rejected.
        let [gap, unobserved] = [self.dropped.gap - before.gap, self.dropped.unobserved - before.unobserved];
        if gap > 0 {
            why.push(format!("{gap} span a gap"));
        }
        if unobserved > 0 {
            why.push(format!("{unobserved} have no observed target"));
        }
        if weightless > 0 {
            why.push(format!("{weightless} forecast rows of weight 0 alone"));
            let problem = format!("no {split} window{of} is left of {possible}: {}", why.join(", "));
            return Error::config(WEIGHT, problem, "give some rows of the training part a weight above 0");
        }
        Error::config(
            key,
            format!("no {split} window{of} is left of {possible}: {}", why.join(", ")),
            format!("other ‹covariates›, ‹impute›, ‹gaps› or ‹{key}›, or leave the series out"),
        )
    }
}

/// First input rows of the windows of each part, series by series and in time order.
#[derive(Default)]
pub(crate) struct Windows {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub calibration: Vec<u32>,
    pub test: Vec<u32>,
    pub held_out: Vec<u32>,
    pub dropped: Dropped,
    /// Ids of the series without a window in a part that others have.
    lacking: Vec<(SplitName, Vec<String>)>,
    /// How many series there are.
    series: usize,
}

impl Windows {
    /// The windows of all series. `calibration` is the share of the validation rows that is kept for it.
    ///
    /// # Errors
    /// A part that is wanted, and in which no series has a window.
    pub(super) fn trained(
        rows: &Rows,
        series: &[Span],
        settings: &Settings,
        calibration: Option<f64>,
    ) -> Result<Windows> {
        let (lookback, horizon) = (settings.lookback, settings.horizon);
        let mut finder = Finder { lookback, horizon, rows, dropped: Dropped::default() };
        let held_out = series.iter().filter(|one| one.held_out);
        let held_out = held_out.flat_map(|one| finder.windows(*one, SplitName::HeldOut)).collect();
        let series: Vec<Span> = series.iter().filter(|one| !one.held_out).copied().collect();
        let series = &series[..];
        let mut windows = Windows { series: series.len(), held_out, ..Windows::default() };
        for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
            let (before, mut lacking) = (finder.dropped, Vec::new());
            for one in series {
                let own = finder.windows(*one, split);
                if own.is_empty() {
                    lacking.push(one.id.to_string());
                }
                match (split, calibration) {
                    (SplitName::Train, _) => windows.train.extend(own),
                    (SplitName::Validation, Some(share)) => {
                        let [chooses, calibrates] = calibrate(&one.parts.validation, share, own, (lookback, horizon));
                        windows.validation.extend(chooses);
                        windows.calibration.extend(calibrates);
                    }
                    (SplitName::Validation, None) => windows.validation.extend(own),
                    _ => windows.test.extend(own),
                }
            }
            if lacking.len() == series.len() && settings.wants(split) {
                let possible = series.iter().map(|one| one.parts.origins(split, one.reach, horizon).len()).sum();
                let longest = series.iter().rev().max_by_key(|one| one.parts.all().len());
                return Err(match longest {
                    Some(one) if possible == 0 => no_room(one.id, one.parts, split, settings),
                    _ => finder.none(series, split, settings.border_key(split), possible, before),
                });
            }
            if settings.wants(split) && !lacking.is_empty() {
                windows.lacking.push((split, lacking));
            }
        }
        if let Some(share) = calibration.filter(|_| windows.validation.is_empty() || windows.calibration.is_empty()) {
            let rows: usize = series.iter().map(|one| one.parts.validation.len()).sum();
            let problem = format!(
                "{share} leaves {} windows that choose the epoch and {} that calibrate, of {rows} validation rows and a horizon \
                 of {horizon}",
                windows.validation.len(),
                windows.calibration.len()
            );
            return Err(Error::config("calibration", problem, "another share, a longer validation part, or none"));
        }
        windows.dropped = finder.dropped;
        Ok(windows)
    }

    /// For a trained model: all windows are test windows, if there are any.
    pub(super) fn untrained(rows: &Rows, series: &[Span], (lookback, horizon): (usize, usize)) -> Windows {
        let mut finder = Finder { lookback, horizon, rows, dropped: Dropped::default() };
        let test = series.iter().flat_map(|one| finder.windows(*one, SplitName::Test)).collect();
        Windows { test, dropped: finder.dropped, series: series.len(), ..Windows::default() }
    }

    /// How many there are, and how many are left out and why, in words.
    pub(super) fn notices(&self, trained: bool, by_dates: bool) -> Vec<Text> {
        let [train, validation, calibration, test] =
            [&self.train, &self.validation, &self.calibration, &self.test].map(|list| grouped(list.len()));
        let calibration =
            if self.calibration.is_empty() { String::new() } else { format!(", {calibration} calibration") };
        let held_out = match self.held_out.len() {
            0 => String::new(),
            count => format!(", {} of held-back series", grouped(count)),
        };
        let mut notices: Vec<Text> = vec![match trained {
            true => format!("windows: {test}").into(),
            false => {
                format!("windows: {train} training, {validation} validation{calibration}, {test} test{held_out}").into()
            }
        }];
        let left_out = [
            (self.dropped.gap, "spans a gap"),
            (self.dropped.unreadable, "reads a row that lacks a value (‹impute›)"),
            (self.dropped.unobserved, "has no observed target"),
            (self.dropped.weightless, "would be trained on, and forecasts rows of weight 0 alone (‹weight›)"),
        ];
        for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
            notices.push(format!("left out: {}, each of which {why}", counted(count, "window")).into());
        }
        for (split, ids) in &self.lacking {
            let of = format!("{} of {} series", grouped(ids.len()), grouped(self.series));
            let names = few(ids.len(), ids.iter().map(|id| format!("`{id}`")));
            let what = if *split == SplitName::Train { ", so nothing is learned from them" } else { "" };
            let names = match by_dates && ids.len() * 2 > self.series && *split == SplitName::Test {
                true => format!("{names}; ‹test-size› and ‹val-size› cut at each series' own end"),
                false => names,
            };
            notices.push(format!("without {split} windows: {of}{what}: {names}").into());
        }
        if !trained && self.validation.is_empty() {
            notices.push("no validation rows (‹val-size 0›): no early stopping, and the last weights are kept".into());
        }
        if !trained && self.test.is_empty() {
            notices.push("no test rows (‹test-size 0›): nothing is scored".into());
        }
        notices
    }
}

/// The windows that choose the epoch, and those held out: the targets of the former lie before the last `share` of the
/// validation rows, those of the latter in it.
fn calibrate(rows: &Range<usize>, share: f64, windows: Vec<u32>, (lookback, horizon): (usize, usize)) -> [Vec<u32>; 2] {
    let border = rows.end - ((share * rows.len() as f64 + 1e-9).floor() as usize).min(rows.len());
    let origin = |window: &u32| *window as usize + lookback;
    let chooses = windows.iter().copied().filter(|window| origin(window) + horizon <= border).collect();
    let calibrates = windows.into_iter().filter(|window| origin(window) >= border).collect();
    [chooses, calibrates]
}

//! Where each series' train, validation and test rows end.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::options::{Sizes, Split};
use super::time::{TimeKind, Timestamp, label};
use super::times::Times;
use crate::error::{Error, Result};

/// Which part of the rows windows belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitName {
    /// Windows that a model trains on.
    Train,
    /// Windows that choose the epoch.
    Validation,
    /// Windows of the last validation rows, held out for calibrating intervals.
    Calibration,
    /// Windows that a model is scored on.
    Test,
    /// Windows of series that nothing was learned from.
    HeldOut,
}

/// By the words of the option `part`.
impl FromStr for SplitName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "train" => SplitName::Train,
            "validation" => SplitName::Validation,
            "calibration" => SplitName::Calibration,
            "test" => SplitName::Test,
            "held-out" => SplitName::HeldOut,
            _ => {
                let help = "give test, validation, calibration, train or held-out";
                return Err(Error::config("part", format!("{text:?} is rejected"), help));
            }
        })
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SplitName::Train => "training",
            SplitName::Validation => "validation",
            SplitName::Calibration => "calibration",
            SplitName::Test => "test",
            SplitName::HeldOut => "held-out",
        })
    }
}

/// The rows of one series' three parts, which follow one another without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Rows of the training part.
    pub train: Range<usize>,
    /// Rows of the validation part, calibration included.
    pub validation: Range<usize>,
    /// Rows of the test part.
    pub test: Range<usize>,
}

impl Parts {
    /// Rows of one part.
    #[must_use]
    pub fn get(&self, split: SplitName) -> &Range<usize> {
        match split {
            SplitName::Train => &self.train,
            SplitName::Validation | SplitName::Calibration => &self.validation,
            SplitName::Test | SplitName::HeldOut => &self.test,
        }
    }

    /// Rows that are all to be forecast: no training or validation rows.
    pub(crate) fn untrained(rows: Range<usize>) -> Parts {
        Parts { train: rows.start..rows.start, validation: rows.start..rows.start, test: rows }
    }

    /// The same parts, `rows` later, where `from` becomes 0 first.
    pub(crate) fn moved(&self, from: usize, rows: usize) -> Parts {
        let moved = |part: &Range<usize>| part.start - from + rows..part.end - from + rows;
        Parts { train: moved(&self.train), validation: moved(&self.validation), test: moved(&self.test) }
    }

    /// First target rows of the windows that fit, each with `reach` rows of the series before it: a training window lies
    /// wholly in the training rows; a validation or test window has its targets in its rows, and may reach back for inputs.
    pub(crate) fn origins(&self, split: SplitName, reach: usize, horizon: usize) -> Range<usize> {
        let part = self.get(split);
        let first = part.start.max(self.train.start + reach);
        first..(part.end + 1).saturating_sub(horizon).max(first)
    }

    /// Whether there is room for a window in any part.
    pub(crate) fn hold_one(&self, reach: usize, horizon: usize) -> bool {
        let parts = [SplitName::Train, SplitName::Validation, SplitName::Test];
        parts.into_iter().any(|split| !self.origins(split, reach, horizon).is_empty())
    }

    /// All rows, from the first training row to the last test row.
    #[must_use]
    pub fn all(&self) -> Range<usize> {
        self.train.start..self.test.end
    }
}

/// Ends of the three parts, as rows of a series from its first kept row.
pub(crate) type Borders = [usize; 3];

/// A series as far as splitting needs it.
pub(crate) struct SeriesTimes<'a> {
    pub id: &'a str,
    /// Of the rows that are kept, in order.
    pub stamps: &'a [Timestamp],
    /// Rows trimmed from the front, which row borders count too.
    pub trimmed: usize,
}

/// The borders of every series, and a line about them if there is something to report. `sizes` take the place of `split`.
///
/// Fractions apply to a lone series' rows. In a panel whose series do not begin and end together they apply to the
/// times of all series together, so that one pair of dates holds for all, no training target is later than the first test
/// target anywhere, and a series that lacks a part takes nothing from the others.
pub(crate) fn borders(
    series: &[SeriesTimes],
    (split, sizes): (&Split, Option<Sizes>),
    times: &Times,
    format: Option<&str>,
) -> Result<(Vec<Borders>, Option<String>)> {
    if let Some(sizes) = sizes {
        return Ok((series.iter().map(|one| of_end(one.stamps.len(), sizes)).collect(), None));
    }
    match split {
        Split::Fractions(fractions) => {
            let own: Vec<Borders> = series.iter().map(|one| of_rows(one.stamps.len(), fractions)).collect();
            let ends =
                |one: &SeriesTimes| one.stamps.first().map(|t| t.instant).zip(one.stamps.last().map(|t| t.instant));
            let one_span = series.iter().all(|one| ends(one) == ends(&series[0]));
            if one_span && !overlap(series, &own) {
                return Ok((own, None));
            }
            Ok(common_dates(series, fractions, times.kind))
        }
        Split::Rows(rows) => {
            let there = |one: &SeriesTimes| one.trimmed + one.stamps.len();
            let longest = series.iter().rev().max_by_key(|one| there(one));
            if let Some(one) = longest.filter(|one| rows[2] > there(one)) {
                let name = match series.len() {
                    1 => of_series(one.id),
                    _ => format!(" in the longest series, `{}`,", one.id),
                };
                let problem = format!("TEST_END is row {}, but{name} there are {} rows", rows[2], there(one));
                return Err(Error::config("split", problem, "give smaller borders, or fractions"));
            }
            let own = |one: &SeriesTimes| rows.map(|row| row.saturating_sub(one.trimmed).min(one.stamps.len()));
            Ok((series.iter().map(own).collect(), None))
        }
        Split::Times(borders) => {
            let instants: Vec<i64> =
                borders.iter().map(|text| Ok(times.border(text, format)?.instant)).collect::<Result<_>>()?;
            if !instants.is_sorted_by(|a, b| a < b) {
                return Err(Error::config(
                    "split",
                    format!("{split}: the times must rise"),
                    "train end, validation end[, test end]",
                ));
            }
            let all = series.iter().map(|one| {
                let end = instants.get(2).map_or(one.stamps.len(), |border| before(one, *border));
                [before(one, instants[0]), before(one, instants[1]), end]
            });
            Ok((all.collect(), None))
        }
    }
}

/// How many rows of a series lie before an instant.
fn before(one: &SeriesTimes, border: i64) -> usize {
    one.stamps.partition_point(|stamp| stamp.instant < border)
}

/// The last rows of a series are its test part, those before them its validation part.
fn of_end(rows: usize, sizes: Sizes) -> Borders {
    let validation = rows.saturating_sub(sizes.test);
    [validation.saturating_sub(sizes.validation), validation, rows]
}

/// train = floor(f₀·n), test = the last floor(f₂·n), validation between.
fn of_rows(rows: usize, fractions: &[f64; 3]) -> Borders {
    // 0.29 · 100 is 28.999… in binary.
    let share = |fraction: f64| (fraction * rows as f64 + 1e-9).floor() as usize;
    let train = share(fractions[0]);
    [train, rows.saturating_sub(share(fractions[2])).max(train), rows]
}

/// Borders at the dates that cut the distinct times of all series by the fractions.
fn common_dates(series: &[SeriesTimes], fractions: &[f64; 3], kind: TimeKind) -> (Vec<Borders>, Option<String>) {
    let mut times: Vec<i64> = series.iter().flat_map(|one| one.stamps).map(|time| time.instant).collect();
    times.sort_unstable();
    times.dedup();
    let [train, validation, _] = of_rows(times.len(), fractions);
    let rows =
        |one: &SeriesTimes, index: usize| times.get(index).map_or(one.stamps.len(), |border| before(one, *border));
    let all = series.iter().map(|one| [rows(one, train), rows(one, validation), one.stamps.len()]).collect();
    let written = |index: usize| {
        let border = times.get(index)?;
        let stamp = series.iter().find_map(|one| one.stamps.iter().find(|stamp| stamp.instant == *border))?;
        Some(label(kind, *stamp, false))
    };
    let notice = written(train).zip(written(validation)).map(|(validation, test)| {
        format!(
            "the series do not share all dates: all are split at dates of the whole panel, validation from {validation}, test \
             from {test}"
        )
    });
    (all, notice)
}

/// Whether a training row of one series is later than the first test row of another.
fn overlap(series: &[SeriesTimes], borders: &[Borders]) -> bool {
    let row = |one: &SeriesTimes, index: usize| one.stamps.get(index).map(|time| time.instant);
    let ends = series.iter().zip(borders).filter_map(|(one, [train, ..])| row(one, train.checked_sub(1)?));
    let begins = series.iter().zip(borders).filter_map(|(one, [_, validation, _])| row(one, *validation));
    ends.max().zip(begins.min()).is_some_and(|(last_train, first_test)| last_train > first_test)
}

pub(crate) fn of_series(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(" in series `{id}`") }
}

//! Where each series' train, validation and test rows end.

use std::fmt;
use std::ops::Range;

use super::count::grouped;
use super::options::Split;
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
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SplitName::Train => "training",
            SplitName::Validation => "validation",
            SplitName::Calibration => "calibration",
            SplitName::Test => "test",
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
            SplitName::Test => &self.test,
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

    /// First target rows of the windows that fit: a training window lies wholly in the training rows; a validation or
    /// test window has its targets in its rows, and may reach back for inputs.
    pub(crate) fn origins(&self, split: SplitName, lookback: usize, horizon: usize) -> Range<usize> {
        let part = self.get(split);
        let first = match split {
            SplitName::Train => part.start + lookback,
            SplitName::Validation | SplitName::Calibration | SplitName::Test => {
                part.start.max(self.train.start + lookback)
            }
        };
        first..(part.end + 1).saturating_sub(horizon).max(first)
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

/// The borders of every series, and a line about them if there is something to report.
///
/// Fractions apply to each series' rows. In a panel whose series do not begin and end together they apply to the times
/// between the latest beginning and the earliest end instead, so that one pair of dates holds for all, and no training
/// target is later than the first test target anywhere.
pub(crate) fn borders(
    series: &[SeriesTimes],
    split: &Split,
    times: &Times,
    format: Option<&str>,
) -> Result<(Vec<Borders>, Option<String>)> {
    match split {
        Split::Fractions(fractions) => {
            let own: Vec<Borders> = series.iter().map(|one| of_rows(one.stamps.len(), fractions)).collect();
            let ends =
                |one: &SeriesTimes| one.stamps.first().map(|t| t.instant).zip(one.stamps.last().map(|t| t.instant));
            let one_span = series.iter().all(|one| ends(one) == ends(&series[0]));
            if one_span && overlap(series, &own).is_none() {
                return Ok((own, None));
            }
            common_dates(series, fractions, times.kind)
        }
        Split::Rows(rows) => {
            let mut all = Vec::new();
            for one in series {
                let there = one.trimmed + one.stamps.len();
                if rows[2] > there {
                    let problem =
                        format!("TEST_END is row {}, but{} there are {there} rows", rows[2], of_series(one.id));
                    return Err(Error::config("split", problem, "give smaller borders, or fractions"));
                }
                all.push(rows.map(|row| row.saturating_sub(one.trimmed)));
            }
            let warning = overlap(series, &all);
            Ok((all, warning))
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
            let before = |one: &SeriesTimes, border: i64| one.stamps.partition_point(|stamp| stamp.instant < border);
            let all = series.iter().map(|one| {
                let end = instants.get(2).map_or(one.stamps.len(), |border| before(one, *border));
                [before(one, instants[0]), before(one, instants[1]), end]
            });
            Ok((all.collect(), None))
        }
    }
}

/// train = floor(f₀·n), test = the last floor(f₂·n), validation between.
fn of_rows(rows: usize, fractions: &[f64; 3]) -> Borders {
    // 0.29 · 100 is 28.999… in binary.
    let share = |fraction: f64| (fraction * rows as f64 + 1e-9).floor() as usize;
    let train = share(fractions[0]);
    [train, rows.saturating_sub(share(fractions[2])).max(train), rows]
}

fn common_dates(
    series: &[SeriesTimes],
    fractions: &[f64; 3],
    kind: TimeKind,
) -> Result<(Vec<Borders>, Option<String>)> {
    let firsts: Vec<_> = series.iter().filter_map(|one| Some((*one.stamps.first()?, one.id))).collect();
    let lasts: Vec<_> = series.iter().filter_map(|one| Some((*one.stamps.last()?, one.id))).collect();
    let begin = firsts.iter().max_by_key(|(time, _)| time.instant);
    let end = lasts.iter().min_by_key(|(time, _)| time.instant);
    let (Some(&(begin, begin_id)), Some(&(end, end_id))) = (begin, end) else { return Ok((Vec::new(), None)) };
    let mut common: Vec<Timestamp> = series
        .iter()
        .flat_map(|one| one.stamps)
        .filter(|time| begin.instant <= time.instant && time.instant <= end.instant)
        .copied()
        .collect();
    common.sort_by_key(|time| time.instant);
    common.dedup_by_key(|time| time.instant);
    let [train, validation, _] = of_rows(common.len(), fractions);
    if train == 0 || validation >= common.len() {
        let problem = format!(
            "series `{end_id}` ends at {}, series `{begin_id}` begins at {}: no dates common to all series can split them",
            label(kind, end, false),
            label(kind, begin, false)
        );
        return Err(Error::config("split", problem, "row borders apply to each series alone; or leave a series out"));
    }
    let (first, second) = (common[train], common[validation]);
    let before =
        |one: &SeriesTimes, border: Timestamp| one.stamps.partition_point(|time| time.instant < border.instant);
    let all = series.iter().map(|one| [before(one, first), before(one, second), one.stamps.len()]).collect();
    // Series that begin last, or end first: one, several or all of them.
    let edge = |times: &[(Timestamp, &str)], time: Timestamp, id: &str, verb: &str, rank: &str| {
        let at = label(kind, time, false);
        match times.iter().filter(|(other, _)| other.instant == time.instant).count() {
            1 => format!("`{id}` {verb}s {rank}, at {at}"),
            count if count == series.len() => format!("all {verb} at {at}"),
            count => format!("{} {verb} {rank}, at {at}", grouped(count)),
        }
    };
    let notice = format!(
        "the series do not share all dates ({}; {}): all are split at the same dates, validation from {}, test from {}",
        edge(&firsts, begin, begin_id, "begin", "last"),
        edge(&lasts, end, end_id, "end", "first"),
        label(kind, first, false),
        label(kind, second, false)
    );
    Ok((all, Some(notice)))
}

/// A line that names two series, if a training row of one is later than the first test row of the other.
fn overlap(series: &[SeriesTimes], borders: &[Borders]) -> Option<String> {
    let row = |one: &SeriesTimes, index: usize| one.stamps.get(index).map(|time| time.instant);
    let ends =
        series.iter().zip(borders).filter_map(|(one, [train, ..])| Some((row(one, train.checked_sub(1)?)?, one.id)));
    let begins =
        series.iter().zip(borders).filter_map(|(one, [_, validation, _])| Some((row(one, *validation)?, one.id)));
    let (last_train, trained) = ends.max_by_key(|(time, _)| *time)?;
    let (first_test, tested) = begins.min_by_key(|(time, _)| *time)?;
    (last_train > first_test).then(|| {
        format!("training rows of series `{trained}` are later than the first test rows of series `{tested}`: a split by times avoids that")
    })
}

pub(crate) fn of_series(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(" in series `{id}`") }
}

//! Series that are left out, because they hold no window or cannot be scaled, and targets that cannot.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::count::{SHOWN, counted, few, grouped};
use super::frame::Frame;
use super::options::{Scale, ShortSeries};
use super::series::RawSeries;
use super::settings::Settings;
use super::split::{Parts, SplitName, of_series};
use crate::error::{Error, Place, Result, Text};

/// A series that is left out of a data set; of a wide table, a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Its id.
    pub id: String,
    /// Rows that the data has of it; of a target, those with a value.
    pub rows: usize,
    /// Why, in a few words: `lacks 24 rows`.
    pub why: String,
}

/// Why a series is left out.
#[derive(Debug, Clone)]
pub(crate) enum Why {
    /// No part of it has room for a window.
    Short(Parts),
    /// A column, by index, has no value in any row.
    Empty(usize),
    /// A column, by index, has no value in the rows that scale it.
    Unscaled(usize),
    /// Training left it out, so the model has no scaler of it.
    Unknown,
    /// The model was not trained on it, and has no scaler of it.
    New,
}

/// The series that are used, and their parts, as rows of the series.
pub(crate) struct Kept {
    pub series: Vec<RawSeries>,
    pub parts: Vec<Parts>,
    pub left_out: Vec<LeftOut>,
    /// Targets that are left out of all of them.
    pub targets_left_out: Vec<LeftOut>,
}

impl Kept {
    /// Leaves out the series for which there is a reason.
    ///
    /// # Errors
    /// Under [`ShortSeries::Error`], the first of them; the longest, if none is left.
    pub(super) fn leave_out(&mut self, frame: &Frame, settings: &Settings, why: Vec<Option<Why>>) -> Result<()> {
        let count = why.iter().flatten().count();
        if count == 0 {
            return Ok(());
        }
        let reasons = || self.series.iter().zip(&why).filter_map(|(one, why)| Some((one, why.as_ref()?)));
        let told = match settings.short_series {
            ShortSeries::Error => reasons().next(),
            _ if count == self.series.len() => reasons().rev().max_by_key(|(one, _)| one.rows()),
            _ => None,
        };
        if let Some((one, why)) = told {
            return Err(why.error(frame, settings, one));
        }
        let left_out = reasons().map(|(one, why)| LeftOut {
            id: one.id.clone(),
            rows: one.rows(),
            why: why.words(frame, settings, one),
        });
        self.left_out.extend(left_out.collect::<Vec<_>>());
        let (mut of_series, mut of_parts) = (why.iter(), why.iter());
        self.series.retain(|_| of_series.next().is_some_and(Option::is_none));
        self.parts.retain(|_| of_parts.next().is_some_and(Option::is_none));
        Ok(())
    }

    /// Leaves out the targets that have no value in any series among the rows that `rows` says, if there are others: each is a series
    /// of a wide table.
    ///
    /// # Errors
    /// Under [`ShortSeries::Error`], the first of them.
    pub(super) fn leave_out_targets(
        &mut self,
        frame: &mut Frame,
        settings: &Settings,
        (rows, why): (impl Fn(&Parts) -> Range<usize>, fn(usize) -> Why),
        notices: &mut Vec<Text>,
    ) -> Result<()> {
        let values = |column: usize, rows: &dyn Fn(&Parts) -> Range<usize>| -> usize {
            let of = |(one, parts): (&RawSeries, &Parts)| {
                rows(parts).filter(|row| !one.value(*row, column).is_nan()).count()
            };
            self.series.iter().zip(&self.parts).map(of).sum()
        };
        let targets = frame.columns.targets();
        let empty: Vec<usize> = (0..targets).filter(|target| values(*target, &rows) == 0).collect();
        if empty.is_empty() || empty.len() == targets {
            return Ok(());
        }
        let longest = self.series.iter().rev().max_by_key(|one| one.rows());
        let reason = longest.map(|one| (one, why(empty[0]))).filter(|_| settings.short_series == ShortSeries::Error);
        if let Some((one, why)) = reason {
            return Err(why.error(frame, settings, one));
        }
        let left_out = empty.iter().map(|target| LeftOut {
            id: frame.name(*target).into(),
            rows: values(*target, &Parts::all),
            why: why(*target).about_itself().into(),
        });
        let left_out: Vec<LeftOut> = left_out.collect();
        notices.extend(notice(&left_out, targets - empty.len(), "targets"));
        self.targets_left_out.extend(left_out);
        frame.leave_out(&empty);
        self.series.iter_mut().for_each(|one| one.leave_out(&empty));
        Ok(())
    }
}

/// Series without a value of any target, beside others that have some.
///
/// # Errors
/// Under [`ShortSeries::Error`], the first of them.
pub(super) fn without_values(frame: &Frame, settings: &Settings, empty: &[RawSeries]) -> Result<Vec<LeftOut>> {
    let why = Why::Empty(0);
    if let Some(one) = empty.first().filter(|_| settings.short_series == ShortSeries::Error) {
        return Err(why.error(frame, settings, one));
    }
    let left_out =
        |one: &RawSeries| LeftOut { id: one.id.clone(), rows: one.rows(), why: why.words(frame, settings, one) };
    Ok(empty.iter().map(left_out).collect())
}

impl Why {
    /// In a few words, after the series' name.
    fn words(&self, frame: &Frame, settings: &Settings, one: &RawSeries) -> String {
        match self {
            Why::Short(parts) => {
                let horizon = settings.horizon;
                // Rows before its first value are no rows that a window can read.
                let rows = one.rows() - parts.train.start;
                let lacks = |reach: usize| counted(reach + horizon - rows, "row");
                match (settings.reach(), settings.reach_of(parts)) {
                    (reach, _) if rows < reach + horizon => format!("lacks {}", lacks(reach)),
                    (_, own) if settings.needs_scaler(parts) && rows < own + horizon => {
                        format!("has no training window, and lacks {} for a scaler of its own", lacks(own))
                    }
                    (_, own) => format!(
                        "has no part with {} to forecast and {} before them",
                        counted(horizon, "row"),
                        counted(own, "row")
                    ),
                }
            }
            Why::Empty(column) => format!("has no value of `{}`", frame.name(*column)),
            Why::Unscaled(column) => format!("has no value of `{}` in the rows that scale it", frame.name(*column)),
            Why::Unknown => "was left out of training, and has no scaler".into(),
            Why::New => "is new, and has no scaler".into(),
        }
    }

    /// In a few words, after the name of the column that it is about.
    fn about_itself(&self) -> &'static str {
        match self {
            Why::Unscaled(_) => "has no value in the rows that scale it",
            _ => "has no value",
        }
    }

    /// As an error about the series.
    fn error(&self, frame: &Frame, settings: &Settings, one: &RawSeries) -> Error {
        let skip = match (one.id.is_empty(), frame.columns.targets()) {
            (true, 1) => "",
            _ => "; ‹short-series skip› leaves such series out",
        };
        let no_value = |column: usize, rows: &str, help: &str| {
            let place = Place { column: Some(frame.name(column).into()), ..frame.file() };
            Error::data(place, format!("no value in {rows}{}", one.suffix()), format!("{help}{skip}"))
        };
        match self {
            Why::Short(parts) => {
                let all = [SplitName::Train, SplitName::Validation, SplitName::Test];
                let reach = settings.reach_of(parts);
                let lacks = |split: &SplitName| {
                    settings.wants(*split) && parts.origins(*split, reach, settings.horizon).is_empty()
                };
                no_room(&one.id, parts, all.into_iter().find(lacks).unwrap_or(SplitName::Train), settings)
            }
            Why::Empty(column) => {
                no_value(*column, "any row", "leave the column or the series out, or check ‹missing-values›")
            }
            Why::Unscaled(column) => {
                let key = settings.border_key(SplitName::Train);
                let help = format!("leave the column out, move the borders with ‹{key}›, or check ‹missing-values›");
                no_value(*column, "the training rows", &help)
            }
            Why::Unknown | Why::New => {
                let problem = format!("series `{}` is none that the model was trained on", one.id);
                Error::data(frame.file(), problem, format!("{UNKNOWN}{skip}"))
            }
        }
    }
}

/// What to do about a series without a scaler.
pub(super) const UNKNOWN: &str = "each series is scaled by its own training rows: rename or leave it out, or train with \
     ‹scale global› or window, which forecast any series";

/// That a part of a series has no room for a window.
pub(super) fn no_room(id: &str, parts: &Parts, split: SplitName, settings: &Settings) -> Error {
    let reach = if split == SplitName::Train { settings.reach() } else { settings.reach_of(parts) };
    let horizon = settings.horizon;
    let (train, validation, test) = (parts.train.len(), parts.validation.len(), parts.test.len());
    let (before, out) = (counted(reach, "row"), counted(horizon, "row"));
    let needs = match split {
        SplitName::Train => format!("{before} in and {out} out, all in the training rows"),
        _ => format!("{before} in before, and {out} out in the {split} rows"),
    };
    let problem = format!(
        "no {split} window{}: it has {train} training, {validation} validation and {test} test rows, and a window takes \
         {needs}",
        of_series(id)
    );
    // What helps depends on what is lacking: rows before those to forecast, or these.
    let room = !parts.origins(split, 1, horizon).is_empty();
    let padded = settings.short_series == ShortSeries::Pad;
    let scaled = settings.scale != Scale::Series || !parts.origins(SplitName::Train, 1, horizon).is_empty();
    let pad = match (room && reach > 1, padded, scaled) {
        (true, false, true) => "; ‹short-series pad› begins windows before the first row",
        (true, false, false) => {
            "; ‹short-series pad› with ‹scale global› begins windows before the first row, and needs no training rows of \
             the series"
        }
        (true, true, _) => "; ‹scale global› needs no training rows of the series",
        (false, ..) => "",
    };
    let smaller = if room && reach > 1 { "‹lookback› or ‹horizon›" } else { "‹horizon›" };
    let key = settings.border_key(split);
    let none = match split {
        SplitName::Train => "",
        SplitName::Test => "; ‹test-size 0› trains without test rows",
        _ => "; ‹val-size 0› trains without validation rows",
    };
    let skip = match settings.short_series {
        ShortSeries::Error if !id.is_empty() => "; ‹short-series skip› leaves such series out",
        _ => "",
    };
    let help = format!("smaller {smaller}, other borders (‹{key}›), or more rows{pad}{skip}{none}");
    Error::config(key, problem, help)
}

/// A line about the series, or other `things`, that are left out, if there are any; `used` are those that are not.
pub(crate) fn notice(left_out: &[LeftOut], used: usize, things: &str) -> Option<Text> {
    let (count, all) = (grouped(left_out.len()), grouped(left_out.len() + used));
    let line = format!("left out: {count} of {all} {things} (‹short-series›): {}", reasons(left_out));
    (!left_out.is_empty()).then(|| line.into())
}

/// The first few series that are left out, each with the reason. If there are more, a reason that several share stands once, with
/// their number.
pub(crate) fn reasons(left_out: &[LeftOut]) -> String {
    let mut groups: Vec<(&str, Vec<&LeftOut>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let apart = left_out.len() <= SHOWN;
    for one in left_out {
        match places.get(one.why.as_str()).filter(|_| !apart) {
            Some(group) => groups[*group].1.push(one),
            None => {
                places.insert(&one.why, groups.len());
                groups.push((&one.why, vec![one]));
            }
        }
    }
    let words = |(why, series): &(&str, Vec<&LeftOut>)| {
        let names = series.iter().map(|one| format!("`{}`", one.id));
        match series.len() {
            1 => format!("`{}` {why}", series[0].id),
            count => format!("each of {} ({}) {why}", grouped(count), few(count, names)),
        }
    };
    // The reasons of most series first.
    groups.sort_by_key(|(_, series)| std::cmp::Reverse(series.len()));
    let shown: Vec<String> = groups.iter().take(SHOWN).map(words).collect();
    let more: usize = groups.iter().skip(SHOWN).map(|(_, series)| series.len()).sum();
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

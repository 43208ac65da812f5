//! One data set as several runs read it: the same windows, in the same order.

use std::collections::HashMap;
use std::mem::take;

use crate::data::{Dataset, Series, SplitName, grouped};
use crate::error::Text;

/// The parts of a data set.
const PARTS: [SplitName; 5] =
    [SplitName::Train, SplitName::Validation, SplitName::Calibration, SplitName::Test, SplitName::HeldOut];

/// A data set as each run reads it.
///
/// Look-backs, columns and splits may differ. Of each part it holds the windows that every run has there: a row in the test part of all
/// was in no training.
pub(super) struct Views {
    all: Vec<Dataset>,
    /// By run, how many windows of each part it has by itself.
    alone: Vec<[usize; 5]>,
}

/// What a window forecasts: the series' id, the time of the origin, which is the last row that is seen, and that of the last row to come.
type Place<'a> = (&'a str, i64, i64);

impl Views {
    /// Of one run, whose windows stay as they are, or of several.
    pub(super) fn new(mut all: Vec<Dataset>) -> Views {
        let held_out = |data: &Dataset| !data.calibration.is_empty();
        if !all.iter().all(held_out) {
            // Rows that only some runs held out for intervals chose the epoch of the others.
            for data in all.iter_mut().filter(|data| held_out(data)) {
                data.validation = take(&mut data.calibration);
            }
        }
        let alone = all.iter().map(|data| PARTS.map(|part| data.windows(part).len())).collect();
        if all.len() > 1 {
            for part in PARTS {
                let lists = common(&all, part);
                for (data, list) in all.iter_mut().zip(lists) {
                    match part {
                        SplitName::Train => data.train = list,
                        SplitName::Validation => data.validation = list,
                        SplitName::Calibration => data.calibration = list,
                        SplitName::Test => data.test = list,
                        SplitName::HeldOut => data.held_out = list,
                    }
                }
            }
        }
        Views { all, alone }
    }

    /// As the first run reads it: the scale of all forecasts.
    pub(super) fn first(&self) -> &Dataset {
        &self.all[0]
    }

    /// By run.
    pub(super) fn all(&self) -> &[Dataset] {
        &self.all
    }

    /// By run, the series of each window of a part.
    pub(super) fn owners(&self, part: SplitName) -> Vec<Vec<&Series>> {
        self.all.iter().map(|data| owners(data, data.windows(part))).collect()
    }

    /// How many windows of a part all runs have; `None` of one run.
    pub(super) fn line(&self, part: SplitName) -> Option<Text> {
        let place = PARTS.iter().position(|own| *own == part)?;
        let alone: Vec<String> = self.alone.iter().map(|counts| grouped(counts[place])).collect();
        let windows = grouped(self.first().windows(part).len());
        let line =
            || format!("{windows} {part} windows are forecast by all runs, and scored (by each: {})", alone.join(", "));
        (self.all.len() > 1).then(|| line().into())
    }
}

/// The series of each window.
pub(super) fn owners<'a>(data: &'a Dataset, windows: &[u32]) -> Vec<&'a Series> {
    windows.iter().map(|window| &data.series[data.series_of(*window as usize + data.lookback)]).collect()
}

/// The windows of a part that all have, by data set, in the order of the first.
fn common(all: &[Dataset], part: SplitName) -> Vec<Vec<u32>> {
    let places = |data| places(data, part).collect::<HashMap<Place, u32>>();
    let others: Vec<HashMap<Place, u32>> = all[1..].iter().map(places).collect();
    let mut lists = vec![Vec::new(); all.len()];
    for (place, window) in self::places(&all[0], part) {
        let found: Option<Vec<u32>> = others.iter().map(|other| other.get(&place).copied()).collect();
        let Some(found) = found else { continue };
        lists.iter_mut().zip([window].into_iter().chain(found)).for_each(|(list, window)| list.push(window));
    }
    lists
}

/// The windows of a part, each with what it forecasts.
fn places(data: &Dataset, part: SplitName) -> impl Iterator<Item = (Place<'_>, u32)> {
    data.windows(part).iter().map(|window| {
        let first = *window as usize + data.lookback;
        let series = &data.series[data.series_of(first)];
        let instant = |row: usize| series.timestamps[row - series.rows.start].instant;
        ((series.id.as_str(), instant(first - 1), instant(first + data.horizon - 1)), *window)
    })
}

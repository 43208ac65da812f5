//! What the picture of a forecast shows.

use chrono::{DateTime, NaiveDateTime};

use super::Ahead;
use super::table::unique_id;
use crate::data::{TimeKind, Timestamp, counted};
use crate::train::plot::{OutlookPanel, OutlookPlot};

/// Panels of the picture, at most.
const PANELS: usize = 4;

impl Ahead {
    /// The first series: their last rows, their forecasts, and where they are known the rows that came. `model` is its name.
    pub fn picture(&self, model: &str) -> OutlookPlot {
        let Ahead { data, cutoffs, outlook, .. } = self;
        let mut panels = Vec::new();
        for own in outlook.series.iter().take(PANELS) {
            let cutoff = cutoffs[own.place];
            let series = &data.series[cutoff.series];
            let rows = own.forecast.len();
            let history = (4 * rows).max(2 * data.season).clamp(data.lookback.min(96), 400);
            let first = (cutoff.row + 1).saturating_sub(history).max(series.rows.start);
            let end = (cutoff.row + 1 + rows).min(series.rows.end);
            let stamp = |row: usize| series.timestamps[row - series.rows.start];
            let seen = cutoff.row + 1 - first;
            let times = (first..=cutoff.row).map(stamp).chain(own.times.iter().copied()).filter_map(clock);
            let times = if data.time_kind == TimeKind::RowNumbers { Vec::new() } else { times.collect() };
            let target = own.target;
            panels.push(OutlookPanel {
                unit: unique_id(data, cutoff.series, target),
                times,
                truth: (first..end).map(|row| data.raw_targets[row * data.targets() + target]).collect(),
                seen,
                forecast: own.forecast.clone(),
                bands: own.low.iter().cloned().zip(own.high.iter().cloned()).collect(),
            });
        }
        let more = outlook.series.len().saturating_sub(PANELS);
        let left = if more > 0 { format!(", and {more} more in the table") } else { String::new() };
        let rows = outlook.series.first().map_or(0, |series| series.forecast.len());
        OutlookPlot {
            title: format!("{}: the next {}{left}", data.name, counted(rows, "row")),
            model: model.into(),
            levels: outlook.levels.iter().map(ToString::to_string).collect(),
            panels,
        }
    }
}

/// On the written clock.
fn clock(stamp: Timestamp) -> Option<NaiveDateTime> {
    let micros = stamp.instant.saturating_add(i64::from(stamp.offset) * 1_000_000);
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}

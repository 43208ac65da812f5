//! [`Dataset`]: what a model reads and is scored on.

use std::collections::BTreeMap;
use std::ops::Range;

use super::calendar::Calendar;
use super::columns::{Columns, Role};
use super::encoding::Encoding;
use super::future::ToCome;
use super::options::DataOptions;
use super::scale::Scaler;
use super::short::LeftOut;
use super::split::{Parts, SplitName};
use super::step::Step;
use super::time::{TimeKind, Timestamp, label};
use super::time_form::TimeForm;
use super::window::{Dropped, Prefix};
use crate::error::{Place, Text};

/// One series of a panel; a wide file is a panel of one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Series {
    /// Empty for the single series of a file without an id column.
    pub id: String,
    /// Global rows, after leading gaps are trimmed and rows past the test end are cut. [`Dataset::padding`] rows lie before
    /// them, which belong to no series.
    pub rows: Range<usize>,
    /// A time per row.
    pub timestamps: Vec<Timestamp>,
    /// A scaler per value column. Those of codes, and calendar columns, are not scaled.
    pub scalers: Vec<Scaler>,
    /// Per target: mean |y_t − y_{t−M}| over the training rows, in the data's units, both values observed. `None` if
    /// there is no such pair, or all are equal: then this target has no MASE.
    pub mase_denominators: Vec<Option<f64>>,
    /// Global rows of each part.
    pub parts: Parts,
    /// How its times go on.
    pub calendar: Calendar,
    /// Rows of a season: the data set's, unless its times go on otherwise than those of most series.
    pub season: usize,
    /// What is known of times after its rows.
    pub(super) to_come: ToCome,
    /// Rows trimmed from the front, where a column had no value yet.
    pub trimmed: usize,
    /// Missing cells per value column, among the rows kept.
    pub missing: Vec<usize>,
}

/// Series, scaled, imputed and indexed by windows. Rows of all series lie one after another ("global rows").
///
/// A window that starts at row w reads input rows `w..w+lookback`, and targets rows `w+lookback..w+lookback+horizon`, of
/// one series.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The file's stem, the name given with typed data, or `nyc-weather-2013`.
    pub name: String,
    /// The name of the time column, as the option `time-column` takes it.
    pub time_column: String,
    /// The name of the column of series ids; `None` if there is one series without an id.
    pub id_column: Option<String>,
    /// What the times count.
    pub time_kind: TimeKind,
    /// The form in which times are written.
    pub time_form: TimeForm,
    /// How the characters of the file are written.
    pub encoding: Encoding,
    /// Whether times are written with the day before the month; `None` where that is no question.
    pub day_first: Option<bool>,
    /// The mark that separates thousands in some number of the file.
    pub thousands: Option<char>,
    /// Columns of flags, such as `yes` and `no`, with the word that is read as 1.
    pub flags: BTreeMap<String, String>,
    /// By column of levels ([`Columns::categories`]), those of the training rows: the first is code 1, and 0 stands for all others.
    pub levels: Vec<Vec<String>>,
    /// How the times of most series go on; each series has its own.
    pub calendar: Calendar,
    /// Other calendars that the rows fit nearly as well, the best first: if one gives other times, those of forecasts are a guess.
    pub rivals: Vec<Calendar>,
    /// One series, or those of a panel, in the order of their rows.
    pub series: Vec<Series>,
    /// Series of the data that are not among these, because they hold no window or cannot be scaled.
    pub left_out: Vec<LeftOut>,
    /// Rows before those of each series, so that windows can begin there; 0 unless [`ShortSeries::Pad`] is asked for. Value
    /// columns have the values of the series' first row, calendar columns 0; nothing is observed or known.
    ///
    /// [`ShortSeries::Pad`]: super::ShortSeries::Pad
    pub padding: usize,
    /// Input columns, ordered by role as [`Role`] lists them.
    pub columns: Columns,
    /// `[rows, channels]`, scaled and imputed. 0 where no value was seen or imputed; no window reads such a row.
    pub values: Vec<f32>,
    /// `[rows, targets]`, 1 where the target is in the data, else 0.
    pub observed: Vec<f32>,
    /// `[rows, targets]`, the data's own units, NaN where missing.
    pub raw_targets: Vec<f64>,
    /// Of each row in the loss, and in a second list of scores, as a share of the largest; empty if rows have no weights
    /// ([`DataOptions::weight`]).
    pub weights: Vec<f64>,
    /// T: input rows of a window.
    pub lookback: usize,
    /// Z: forecast rows of a window.
    pub horizon: usize,
    /// M: rows of a season of most series.
    pub season: usize,
    /// Training windows: the global row of each window's first input row, series by series, in time order.
    pub train: Vec<u32>,
    /// Validation windows, which choose the epoch.
    pub validation: Vec<u32>,
    /// Windows of the last validation rows, held out for calibrating intervals; empty unless some were asked for.
    pub calibration: Vec<u32>,
    /// Test windows.
    pub test: Vec<u32>,
    /// All windows of the series that nothing is learned from ([`DataOptions::hold_out_series`]).
    pub held_out: Vec<u32>,
    /// Windows left out, over all parts.
    pub dropped: Dropped,
    /// What was detected, chosen and counted, in sentences for the user.
    pub notices: Vec<Text>,
    /// Those of the notices that say how rows follow one another, and which seasons baselines and MASE take, and why.
    pub season_notices: Vec<Text>,
    /// SHA-256 of the file's bytes, in hex. For typed data, of the CSV file of the same rows.
    pub fingerprint: String,
    /// Of a file of typed columns, SHA-256 of its columns' names and cells by series, in hex; else empty. A file that grew is known by it.
    pub content: String,
    /// Of a file with a series' rows below one another: rows of each series, those left out included. A file that grew is known by them.
    pub lines: BTreeMap<String, usize>,
    /// The options with everything detected or defaulted filled in: loading them gives this data set again.
    pub resolved: DataOptions,
    /// Observed targets of each row.
    pub(super) observed_count: Prefix,
    /// Rows in which an input has no value.
    pub(super) unreadable: Prefix,
    /// Rows in which a future covariate has no value.
    pub(super) unplanned: Prefix,
    /// `[rows, targets]`: the target's value in `values` was seen or imputed.
    pub(super) known: Vec<bool>,
    /// Where the first target that is no whole number stands, if there is one.
    pub(crate) fraction: Option<Place>,
}

impl Dataset {
    /// Rows of all series.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.series.last().map_or(0, |series| series.rows.end)
    }

    /// C: input columns.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.columns.channels()
    }

    /// The names of the input columns, ordered by role as [`Role`] lists them.
    #[must_use]
    pub fn channel_names(&self) -> &[String] {
        self.columns.names()
    }

    /// F: the last channels, whose values are known for the rows to forecast and read there: future covariates, and the calendar
    /// beside them or where it was asked for ([`DataOptions::future_calendar`]).
    #[must_use]
    pub fn future(&self) -> usize {
        let covariates = self.columns.future();
        let read = !covariates.is_empty() || self.resolved.future_calendar == Some(true);
        if read { self.channels() - covariates.start } else { 0 }
    }

    /// K: targets, which are the first K channels.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.columns.targets()
    }

    /// The names of the targets, in order.
    #[must_use]
    pub fn target_names(&self) -> &[String] {
        self.columns.with_role(Role::Target)
    }

    /// The index of the series to which a global row belongs, or before which it is padding.
    #[must_use]
    pub fn series_of(&self, row: usize) -> usize {
        self.series.partition_point(|series| series.rows.end <= row)
    }

    /// First input rows of a part's windows.
    #[must_use]
    pub fn windows(&self, split: SplitName) -> &[u32] {
        match split {
            SplitName::Train => &self.train,
            SplitName::Validation => &self.validation,
            SplitName::Calibration => &self.calibration,
            SplitName::Test => &self.test,
            SplitName::HeldOut => &self.held_out,
        }
    }

    /// How many of a window's horizon × targets values are observed; at least 1.
    #[must_use]
    pub fn observed_targets(&self, window: u32) -> u32 {
        let origin = window as usize + self.lookback;
        self.observed_count.between(origin, origin + self.horizon)
    }

    /// A row's weight; 1 if rows have none.
    #[must_use]
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    /// The weights of a window's observed target values: their number, if rows have none.
    #[must_use]
    pub fn target_weight(&self, window: u32) -> f64 {
        if self.weights.is_empty() {
            return f64::from(self.observed_targets(window));
        }
        let origin = window as usize + self.lookback;
        let of = |row: usize| self.weights[row] * f64::from(self.observed_count.between(row, row + 1));
        (origin..origin + self.horizon).map(of).sum()
    }

    /// Whether a target's scaled value was seen or imputed; else `values` holds 0 in its place.
    #[must_use]
    pub fn is_known(&self, row: usize, target: usize) -> bool {
        self.known[row * self.targets() + target]
    }

    /// A target's scaled value in the data's units. `series` and `target` are indices.
    #[must_use]
    pub fn unscale(&self, series: usize, target: usize, scaled: f64) -> f64 {
        self.series[series].scalers[target].unscale(scaled)
    }

    /// A row's time on its written clock, as `2013-01-01T06:00Z`, `2013-01-01`, or the row number.
    #[must_use]
    pub fn time_label(&self, row: usize) -> String {
        let series = &self.series[self.series_of(row)];
        label(self.time_kind, series.timestamps[row - series.rows.start], self.step().is_days())
    }

    /// A row's time in the form of the data's times.
    pub(super) fn written(&self, row: usize) -> String {
        let series = &self.series[self.series_of(row)];
        self.time_form.text(series.timestamps[row - series.rows.start])
    }

    /// The distance between the rows of most series.
    #[must_use]
    pub fn step(&self) -> Step {
        self.calendar.step()
    }
}

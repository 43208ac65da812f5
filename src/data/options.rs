//! What can be asked of the data layer: one struct, read from the same words as flags (`FromStr`, `Display`) and as TOML.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, Transform};
use super::calendar::Calendar;
pub(crate) use super::choices::Sizes;
pub use super::choices::{Covariates, FillMissing, Gaps, Impute, Layout, Origin, Scale, ShortSeries, Source, Split};
pub use super::marks::{parse_thousands, thousands_word};
pub use super::text::{delimiter_word, list, parse_decimal, parse_delimiter, parse_list, parse_on_off};
use super::zone;
use crate::error::{Error, Result};
use crate::files::Input;

/// Everything the user may say about the data. `None` means "not said": then the embedded set's own config decides
/// (when that set is used), then the default named at the field, then what the file itself shows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "toml::Table", into = "toml::Table")]
pub struct DataOptions {
    /// Where the rows come from: a file, or the embedded set.
    pub source: Source,
    /// The column of the timestamps, or several joined by `+`: `Date+Time`, `year+month+day+hour`. Default: detected.
    pub time_column: Option<String>,
    /// The format of the timestamps, in strptime's syntax: `%d/%m/%Y %H.%M.%S`. Default: detected.
    pub time_format: Option<String>,
    /// The column that identifies the series of a panel, or several, separated by `,` or `+`. Default: `unique_id` or
    /// `item_id` if present.
    pub id_column: Option<String>,
    /// The columns to forecast. Default: `y`, else the only numeric column.
    pub targets: Option<Vec<String>>,
    /// Past covariates: input columns that are not forecast. Default: none.
    pub covariates: Option<Covariates>,
    /// Input columns whose values are known for the rows to forecast too. Default: none.
    pub future_covariates: Option<Vec<String>>,
    /// Input columns that are constant per series. Default: none.
    pub static_covariates: Option<Vec<String>>,
    /// Input columns that take one of a few levels, texts or numbers, whose codes a model embeds; constant per series if they are named in
    /// `static_covariates` too. Default: none.
    pub categorical: Option<Vec<String>>,
    /// The column of the rows' weights, 0 or more, in the loss and in a second list of scores. It is no input. Default: none.
    pub weight: Option<String>,
    /// Input rows of a window. Default: 2 seasons, at least 24, at most 288.
    pub lookback: Option<usize>,
    /// Forecast rows of a window. Default: 1.
    pub horizon: Option<usize>,
    /// The times at which series have rows. Default: as the rows have them.
    pub freq: Option<Calendar>,
    /// Rows in a season. Default: from the sampling step.
    pub season: Option<usize>,
    /// Whether time of day, day of the week and day of the year are input columns. Default: on.
    pub calendar: Option<bool>,
    /// Whether calendar columns of the rows to forecast are inputs too. Default: where there are future covariates.
    pub future_calendar: Option<bool>,
    /// Training, validation and test part. Default: [`Split::default`].
    pub split: Option<Split>,
    /// In place of `split`: how many rows at the end of each series are its test part; 0 for none. Default where only
    /// `val_size` is given: the horizon.
    pub test_size: Option<usize>,
    /// In place of `split`: how many rows of each series before those are its validation part; 0 for none. Default where
    /// only `test_size` is given: the horizon.
    pub val_size: Option<usize>,
    /// What becomes of series that are too short for a window. Default: [`ShortSeries::Skip`].
    pub short_series: Option<ShortSeries>,
    /// Whose training rows a scaler sees. Default: [`Scale::Series`].
    pub scale: Option<Scale>,
    /// Ids of series that nothing is learned from, or the share of all series that are held back. Default: none.
    pub hold_out_series: Option<Vec<String>>,
    /// Bounds of the targets: forecasts lie within them. Default: none.
    pub bounds: Option<Bounds>,
    /// How targets are transformed before they are scaled. Default: [`Transform::None`].
    pub transform: Option<Transform>,
    /// What an input takes where the file has no value. Default: [`Impute::Error`].
    pub impute: Option<Impute>,
    /// Texts or numbers that mean "missing", besides the empty cell, `NA` and its like.
    pub missing_values: Option<Vec<String>>,
    /// What is done where the file lacks a time that the sampling step implies. Default: [`Gaps::Notice`].
    pub gaps: Option<Gaps>,
    /// What a time without a row means. Default: [`FillMissing::None`].
    pub fill_missing: Option<FillMissing>,
    /// A file of days that have no rows. Default: none.
    pub holidays: Option<PathBuf>,
    /// The time zone whose clock times are written by, as in `Europe/Berlin`. Default: the offset of each time, or none.
    pub timezone: Option<String>,
    /// The column separator. Default: detected among `,` `;` tab `|`. Files of typed columns take none, and no marks and lines.
    pub delimiter: Option<char>,
    /// The decimal mark. Default: detected, `.` or `,`.
    pub decimal: Option<char>,
    /// What separates thousands: `.`, `,`, `'`, or a blank for any kind of blank. Default: detected.
    pub thousands: Option<char>,
    /// Lines above the header line. Default: none.
    pub skip_rows: Option<usize>,
    /// Whether rows are sorted by time. Default: where they run from new to old, and in a panel.
    pub sort: Option<bool>,
    /// Whether a row holds the values of one time, or a series. Default: [`Layout::Columns`].
    pub layout: Option<Layout>,
    /// The share of the validation rows, the last of them, that is held out for calibrating intervals. Default: none.
    pub calibration: Option<f64>,
    /// Of a study: only the last so many training rows of each series are used. Default: all.
    pub train_rows: Option<usize>,
    /// Of a study: one of several consecutive test periods. Default: all test rows.
    pub origin: Option<Origin>,
    /// Of a study: 80/20, validation rows = test rows, scalers fitted on all rows, as the pruning paper's published code
    /// does it. Leaks.
    pub authors_protocol: Option<bool>,
    /// Of a backtest: how many rows before the end of the test rows its one horizon of test rows ends. Validation keeps its
    /// length, training ends earlier.
    pub backtest: Option<usize>,
}

impl DataOptions {
    /// These options, with whatever is left unsaid taken from `other`. The source stays, and so does what these say of the
    /// parts, in whichever way.
    pub fn or(self, other: DataOptions) -> DataOptions {
        let parts = if self.split.is_some() || self.sizes().is_some() { &self } else { &other };
        let (split, test_size, val_size) = (parts.split.clone(), parts.test_size, parts.val_size);
        DataOptions {
            source: self.source,
            time_column: self.time_column.or(other.time_column),
            time_format: self.time_format.or(other.time_format),
            id_column: self.id_column.or(other.id_column),
            targets: self.targets.or(other.targets),
            covariates: self.covariates.or(other.covariates),
            future_covariates: self.future_covariates.or(other.future_covariates),
            static_covariates: self.static_covariates.or(other.static_covariates),
            categorical: self.categorical.or(other.categorical),
            weight: self.weight.or(other.weight),
            lookback: self.lookback.or(other.lookback),
            horizon: self.horizon.or(other.horizon),
            freq: self.freq.or(other.freq),
            season: self.season.or(other.season),
            calendar: self.calendar.or(other.calendar),
            future_calendar: self.future_calendar.or(other.future_calendar),
            split,
            test_size,
            val_size,
            short_series: self.short_series.or(other.short_series),
            scale: self.scale.or(other.scale),
            hold_out_series: self.hold_out_series.or(other.hold_out_series),
            bounds: self.bounds.or(other.bounds),
            transform: self.transform.or(other.transform),
            impute: self.impute.or(other.impute),
            missing_values: self.missing_values.or(other.missing_values),
            gaps: self.gaps.or(other.gaps),
            fill_missing: self.fill_missing.or(other.fill_missing),
            holidays: self.holidays.or(other.holidays),
            timezone: self.timezone.or(other.timezone),
            delimiter: self.delimiter.or(other.delimiter),
            decimal: self.decimal.or(other.decimal),
            thousands: self.thousands.or(other.thousands),
            skip_rows: self.skip_rows.or(other.skip_rows),
            sort: self.sort.or(other.sort),
            layout: self.layout.or(other.layout),
            calibration: self.calibration.or(other.calibration),
            train_rows: self.train_rows.or(other.train_rows),
            origin: self.origin.or(other.origin),
            authors_protocol: self.authors_protocol.or(other.authors_protocol),
            backtest: self.backtest.or(other.backtest),
        }
    }

    /// The files that they name.
    pub fn inputs(&self) -> Vec<Input> {
        let data = self.source.file().map(|file| ("data".to_string(), file.to_path_buf()));
        let holidays = self.holidays.iter().map(|file| ("holidays".to_string(), file.clone()));
        data.into_iter().chain(holidays).collect()
    }

    /// Validation and test rows at the end of each series, where these are given in place of a split. An open one is
    /// `horizon` rows long.
    pub(crate) fn sizes(&self) -> Option<Sizes> {
        let horizon = self.horizon.unwrap_or(1);
        let given = self.test_size.is_some() || self.val_size.is_some();
        given.then(|| Sizes { validation: self.val_size.unwrap_or(horizon), test: self.test_size.unwrap_or(horizon) })
    }

    /// Whether what is known of the rows to forecast is read.
    pub(crate) fn plans(&self) -> bool {
        self.future_calendar == Some(true) || self.future_covariates.as_ref().is_some_and(|names| !names.is_empty())
    }

    /// Whether there are categorical columns.
    pub(crate) fn embeds(&self) -> bool {
        self.categorical.as_ref().is_some_and(|names| !names.is_empty())
    }

    /// Whether test rows are seen before the test.
    pub fn leaks(&self) -> bool {
        self.authors_protocol == Some(true)
    }

    /// Rejects values that fit no data at all.
    pub(crate) fn check(&self) -> Result<()> {
        for (key, value) in [("lookback", self.lookback), ("horizon", self.horizon), ("season", self.season)] {
            if let Some(rows) = value.filter(|rows| !(1..=MOST_ROWS).contains(&(*rows as u64))) {
                return Err(Error::config(
                    key,
                    format!("{rows} rows"),
                    format!("give a whole number from 1 to {MOST_ROWS}"),
                ));
            }
        }
        if self.split.is_some() && self.sizes().is_some() {
            let given = if self.test_size.is_some() { "test-size" } else { "val-size" };
            let help = "leave one of them out: ‹split› cuts at common dates, the sizes cut at each series' own end";
            return Err(Error::config(given, "is given beside ‹split›", help));
        }
        let plans = self.future_covariates.as_ref().is_some_and(|names| !names.is_empty());
        if self.future_calendar == Some(false) && plans {
            let problem = "`off` beside ‹future-covariates›: the calendar of the rows to forecast is known as they are";
            return Err(Error::config(
                "future-calendar",
                problem,
                "leave it out, or have no calendar columns: ‹calendar off›",
            ));
        }
        if let Some(share) = self.calibration.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            let help = "a share of the validation rows, between 0 and 1, as in 0.5; or none";
            return Err(Error::config("calibration", format!("{share} is out of range"), help));
        }
        self.timezone.as_deref().map(zone::named).transpose()?;
        if let Some(decimal) = self.decimal {
            parse_decimal(&decimal.to_string())?;
        }
        if let Some(thousands) = self.thousands {
            parse_thousands(&thousands_word(thousands))?;
            if self.decimal == Some(thousands) {
                let problem = format!("`{thousands}` is the decimal mark too");
                return Err(Error::config("thousands", problem, "give ‹decimal› and ‹thousands› apart"));
            }
        }
        if let Some(delimiter) = self.delimiter {
            parse_delimiter(&delimiter.to_string())?;
        }
        self.split.as_ref().map_or(Ok(()), Split::check)
    }
}

/// Of a window or a season: so that their sums stay far from overflow.
pub(crate) const MOST_ROWS: u64 = 1_000_000_000;

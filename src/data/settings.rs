//! Options with every default filled in.

use super::calendar::{Calendar, Season};
use super::columns::Role;
use super::count::counted;
use super::frame::Frame;
use super::options::{Covariates, DataOptions, Gaps, Impute, Scale, ShortSeries, Sizes, Split};
use super::split::{Parts, SplitName};

/// Most rows of a default look-back: two seasons of ten minutes.
const LONGEST_LOOKBACK: usize = 288;

/// What the options leave open, settled once the sampling step is known.
pub(crate) struct Settings {
    /// Rows.
    pub lookback: usize,
    /// Rows.
    pub horizon: usize,
    pub season: Season,
    pub calendar: bool,
    pub split: Split,
    /// In place of `split`.
    pub sizes: Option<Sizes>,
    pub short_series: ShortSeries,
    pub scale: Scale,
    pub impute: Impute,
    pub gaps: Gaps,
}

impl Settings {
    /// `longest`: rows of the longest series. `trained`: the options are those of a training run.
    pub(super) fn of(options: &DataOptions, calendar: &Calendar, longest: usize, trained: bool) -> Settings {
        let found = calendar.season().within(longest);
        let season = match options.season {
            Some(rows) if rows != found.rows => {
                Season { rows, why: if trained { "as in training" } else { "‹season›" }.into() }
            }
            _ => found,
        };
        Settings {
            lookback: options.lookback.unwrap_or((2 * season.rows).clamp(24, LONGEST_LOOKBACK)),
            horizon: options.horizon.unwrap_or(1),
            season,
            calendar: options.calendar.unwrap_or(true),
            split: options.split.clone().unwrap_or_default(),
            sizes: options.sizes(),
            short_series: options.short_series.unwrap_or_default(),
            scale: options.scale.unwrap_or_default(),
            impute: options.impute.unwrap_or_default(),
            gaps: options.gaps.unwrap_or_default(),
        }
    }

    /// Rows of a series that precede the first row that a window forecasts.
    pub(super) fn reach(&self) -> usize {
        if self.short_series == ShortSeries::Pad { 1 } else { self.lookback }
    }

    /// The same of one series. One that has a scaler of its own and no training window is scaled by its first look-back,
    /// which its windows then read whole.
    pub(super) fn reach_of(&self, parts: &Parts) -> usize {
        if self.needs_scaler(parts) { self.lookback } else { self.reach() }
    }

    /// Whether a series with these parts is scaled by other rows than training rows.
    pub(super) fn needs_scaler(&self, parts: &Parts) -> bool {
        self.scale == Scale::Series && !self.trains_on(parts)
    }

    /// Whether a series with these parts has room for a training window.
    pub(super) fn trains_on(&self, parts: &Parts) -> bool {
        !parts.origins(SplitName::Train, self.reach(), self.horizon).is_empty()
    }

    /// Whether there is to be such a part: a size of 0 leaves one out.
    pub(super) fn wants(&self, split: SplitName) -> bool {
        match (split, self.sizes) {
            (SplitName::Validation | SplitName::Calibration, Some(sizes)) => sizes.validation > 0,
            (SplitName::Test, Some(sizes)) => sizes.test > 0,
            _ => true,
        }
    }

    /// The option that says where a part ends.
    pub(super) fn border_key(&self, split: SplitName) -> &'static str {
        match (self.sizes, split) {
            (None, _) => "split",
            (Some(_), SplitName::Validation | SplitName::Calibration) => "val-size",
            // Where no training rows are left, the longer part is what takes them.
            (Some(sizes), SplitName::Train) if sizes.validation > sizes.test => "val-size",
            (Some(_), _) => "test-size",
        }
    }

    /// Rows before the first one of each series, so that a window of which only the last input row is a row of the series
    /// can be read.
    pub(super) fn padding(&self) -> usize {
        self.lookback - self.reach()
    }

    /// What the lengths are, in words.
    pub(super) fn notice(&self, calendar: &Calendar) -> String {
        let rows = [self.season.rows, self.lookback, self.horizon];
        let ([season, lookback, horizon], why) = (rows.map(|rows| counted(rows, "row")), &self.season.why);
        format!("sampling step {}; season {season} ({why}); look-back {lookback}, horizon {horizon}", calendar.words())
    }

    /// Options that give the same data set again. Seasons of several calendars (not `one_season`) are found again: the option is one
    /// for all.
    pub(super) fn resolved(self, options: &DataOptions, frame: &Frame, one_season: bool) -> DataOptions {
        let covariates = frame.columns.with_role(Role::PastCovariate).to_vec();
        let future = frame.columns.with_role(Role::FutureCovariate).to_vec();
        let [statics, categories] =
            [[Role::StaticCovariate, Role::StaticCategory], [Role::Category, Role::StaticCategory]]
                .map(|roles| roles.iter().flat_map(|role| frame.columns.with_role(*role)).cloned().collect::<Vec<_>>());
        DataOptions {
            time_column: Some(options.time_column.clone().unwrap_or_else(|| frame.times.name.clone())),
            id_column: frame.ids.column.clone(),
            targets: Some(frame.columns.with_role(Role::Target).to_vec()),
            covariates: Some(if covariates.is_empty() { Covariates::None } else { Covariates::Names(covariates) }),
            future_covariates: Some(future).filter(|future| !future.is_empty()),
            static_covariates: Some(statics).filter(|statics| !statics.is_empty()),
            categorical: Some(categories).filter(|categories| !categories.is_empty()),
            lookback: Some(self.lookback),
            horizon: Some(self.horizon),
            season: one_season.then_some(self.season.rows),
            calendar: Some(self.calendar),
            split: self.sizes.is_none().then_some(self.split),
            test_size: self.sizes.map(|sizes| sizes.test),
            val_size: self.sizes.map(|sizes| sizes.validation),
            short_series: Some(self.short_series),
            scale: Some(self.scale),
            impute: Some(self.impute),
            gaps: Some(self.gaps),
            ..options.clone()
        }
    }
}

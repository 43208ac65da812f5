//! Options with every default filled in.

use super::columns::Role;
use super::count::counted;
use super::frame::Frame;
use super::options::{Covariates, DataOptions, Gaps, Impute, Scale, Split};
use super::step::Step;

/// What the options leave open, settled once the sampling step is known.
pub(crate) struct Settings {
    /// Rows.
    pub lookback: usize,
    /// Rows.
    pub horizon: usize,
    /// Rows.
    pub season: usize,
    pub calendar: bool,
    pub split: Split,
    pub scale: Scale,
    pub impute: Impute,
    pub gaps: Gaps,
}

impl Settings {
    pub(super) fn of(options: &DataOptions, step: Step) -> Settings {
        let season = options.season.unwrap_or_else(|| step.season());
        Settings {
            lookback: options.lookback.unwrap_or((2 * season).max(24)),
            horizon: options.horizon.unwrap_or(1),
            season,
            calendar: options.calendar.unwrap_or(true),
            split: options.split.clone().unwrap_or_default(),
            scale: options.scale.unwrap_or_default(),
            impute: options.impute.unwrap_or_default(),
            gaps: options.gaps.unwrap_or_default(),
        }
    }

    /// What the lengths are, in words.
    pub(super) fn notice(&self, step: Step) -> String {
        let [season, lookback, horizon] = [self.season, self.lookback, self.horizon].map(|rows| counted(rows, "row"));
        format!("sampling step {step}; season {season}; look-back {lookback}, horizon {horizon}")
    }

    /// Options that give the same data set again.
    pub(super) fn resolved(self, options: &DataOptions, frame: &Frame) -> DataOptions {
        let covariates = frame.columns.with_role(Role::PastCovariate).to_vec();
        DataOptions {
            time_column: Some(frame.times.name.clone()),
            id_column: frame.ids.column.clone(),
            targets: Some(frame.columns.with_role(Role::Target).to_vec()),
            covariates: Some(if covariates.is_empty() { Covariates::None } else { Covariates::Names(covariates) }),
            lookback: Some(self.lookback),
            horizon: Some(self.horizon),
            season: Some(self.season),
            calendar: Some(self.calendar),
            split: Some(self.split),
            scale: Some(self.scale),
            impute: Some(self.impute),
            gaps: Some(self.gaps),
            ..options.clone()
        }
    }
}

//! The intervals of a trained model: as its run kept them, or calibrated on its training data.

use super::model::TrainedModel;
use super::views::Views;
use super::{Calibration, Intervals, Lack, StepCoverage};
use crate::data::{SplitName, counted, grouped};
use crate::error::{Error, Result, Text};
use crate::train::scores::calibration::coverage;
use crate::train::scores::kept::{KeptIntervals, WindowCount};
use crate::train::scores::residuals::calibrates;

/// Rows on which intervals are calibrated.
const HELD_OUT: &str = "the rows that ‹calibration› kept from the choice of the epoch";
const CHOSE: &str =
    "the validation rows, on which the epoch was chosen: they may be too narrow (‹calibration› in training)";

/// Intervals, and what they held on the test windows of the training data, if it is there and has any.
pub struct Calibrated {
    /// Half-widths by series and step; `None` of a model's own intervals that are not calibrated.
    pub calibration: Option<Calibration>,
    /// `None` without test windows.
    pub coverage: Option<Coverage>,
}

/// What intervals held.
pub struct Coverage {
    /// By step of the horizon.
    pub steps: Vec<StepCoverage>,
    /// Test windows.
    pub test: WindowCount,
}

impl TrainedModel {
    /// The model's intervals, from its training data, or from what its run kept where that is not as it was. `None` if it has none, and
    /// none were asked for; a line says why.
    ///
    /// # Errors
    /// Why intervals that were asked for cannot be had.
    pub(super) fn intervals(&self, training: Result<&Views>) -> Result<Option<Calibrated>> {
        let found = match training {
            _ if self.levels.is_empty() => return Ok(None),
            training if !self.conformal => {
                self.say(match self.runs.len() {
                    1 => "intervals: the quantiles that the model forecasts, which are not calibrated (‹conformal›)",
                    _ => "intervals: the quantiles that the runs forecast, combined level by level; they are not calibrated (‹conformal›)",
                });
                return training
                    .ok()
                    .map_or(Ok(None), |training| self.coverage(training, None))
                    .map(|coverage| Some(Calibrated { calibration: None, coverage }));
            }
            Ok(training) => self.calibrate(training),
            Err(error) => self.kept_intervals().and_then(|kept| kept.ok_or(error)),
        };
        match found {
            Ok(calibrated) => {
                let lacking =
                    calibrated.calibration.as_ref().map(|calibration| self.lacking(calibration)).transpose()?;
                lacking.into_iter().flatten().for_each(|line| self.say(line));
                Ok(Some(calibrated))
            }
            Err(error) if self.strict => Err(error),
            Err(error) => {
                self.say(Text::from("no intervals: ").and(error.statement()));
                Ok(None)
            }
        }
    }

    /// Lines about levels for which there are too few residuals.
    ///
    /// # Errors
    /// The first of them, if levels were asked for.
    pub(super) fn lacking(&self, calibration: &Calibration) -> Result<Vec<Text>> {
        match calibration.lacking.first() {
            Some(lack) if self.strict => Err(lack.error()),
            _ => {
                let line = |lack: &Lack| {
                    format!("no interval of {} %, and its columns are empty: {}", lack.level, lack.words()).into()
                };
                Ok(calibration.lacking.iter().map(line).collect())
            }
        }
    }

    /// By the training data's windows that calibrate; a line says which they are.
    fn calibrate(&self, views: &Views) -> Result<Calibrated> {
        let training = views.first();
        let part = calibrates(training);
        let own = training.windows(part);
        if own.is_empty() {
            let problem = match self.runs.len() {
                1 => "the model was trained without validation rows, so no residuals are known",
                _ => "the runs have no window of their validation rows in common, so no residuals are known",
            };
            return Err(Error::config("levels", problem, "‹levels none›, or a model trained with validation rows"));
        }
        let predicted = self.predict(views, part, &self.levels)?;
        let (values, ends) = (&predicted.values, predicted.ends.as_deref());
        let calibration = Calibration::new(training, own, values, ends, &self.levels);
        self.say(calibrated_on(part == SplitName::Calibration, WindowCount::of(training, part), &calibration));
        let coverage = self.coverage(views, Some(&calibration))?;
        Ok(Calibrated { calibration: Some(calibration), coverage })
    }

    /// What the intervals hold on the test windows of the training data; `None` without any.
    fn coverage(&self, views: &Views, calibration: Option<&Calibration>) -> Result<Option<Coverage>> {
        let training = views.first();
        let test = training.windows(SplitName::Test);
        if test.is_empty() {
            return Ok(None);
        }
        let predicted = self.predict(views, SplitName::Test, &self.levels)?;
        let intervals = self.intervals_of(predicted.ends.as_deref(), calibration);
        Ok(Some(Coverage {
            steps: coverage(training, test, &predicted.values, &intervals),
            test: WindowCount::of(training, SplitName::Test),
        }))
    }

    /// Of its forecasts, whose own ends these are, if it has some.
    pub(super) fn intervals_of<'a>(
        &'a self,
        own: Option<&'a [f32]>,
        calibration: Option<&'a Calibration>,
    ) -> Intervals<'a> {
        let counts = self.counts && own.is_some();
        Intervals { levels: &self.levels, own, calibration, bounds: self.bounds, counts }
    }

    /// The intervals that the run kept, with what they held: what its training data gives, without reading it. `None` where they would
    /// not be the same, or that data is named.
    pub(super) fn whole_kept(&self) -> Option<Calibrated> {
        let asks = !self.levels.is_empty() && self.conformal && !self.probabilistic && !self.names_training;
        let kept = asks.then(|| self.kept().ok().flatten()).flatten()?;
        let (counts, places) = (kept.about.counts.as_ref()?, KeptIntervals::places(&self.levels).ok()?);
        let calibration = Calibration::kept(&kept, &self.levels).ok().filter(|found| found.lacking.is_empty())?;
        self.say(calibrated_on(kept.about.held_out, counts.calibrating, &calibration));
        let steps = kept.coverage_of(&places);
        let coverage = (!steps.is_empty()).then_some(Coverage { steps, test: counts.test });
        Some(Calibrated { calibration: Some(calibration), coverage })
    }

    /// What the run kept; `None` if it kept nothing of these weights.
    fn kept(&self) -> Result<Option<KeptIntervals>> {
        let model = self.first().model();
        let Some(folder) = model.file.parent().filter(|_| self.members() == 1) else { return Ok(None) };
        let sha256 = model.weights_sha256();
        let own = |kept: &KeptIntervals| {
            kept.about.weights_sha256 == sha256
                && (kept.about.horizon, kept.about.targets) == (model.header.model.horizon, model.header.model.targets)
        };
        Ok(KeptIntervals::open(folder)?.filter(own))
    }

    /// Of the residuals that the run kept; `None` if it kept none of these weights.
    fn kept_intervals(&self) -> Result<Option<Calibrated>> {
        let Some(kept) = self.kept()? else { return Ok(None) };
        let about = &kept.about;
        let calibration = Calibration::kept(&kept, &self.levels)?;
        self.say(format!(
            "the training data is not there as it was: intervals are of the residuals that the run kept, of {}, {} or more at \
             each step of each series",
            if about.held_out { HELD_OUT } else { CHOSE },
            about.fewest
        ));
        Ok(Some(Calibrated { calibration: Some(calibration), coverage: None }))
    }
}

/// What intervals were calibrated on.
pub(super) fn calibrated_on(held_out: bool, windows: WindowCount, calibration: &Calibration) -> Text {
    let on = if held_out { HELD_OUT } else { CHOSE };
    let pooled = match calibration.pooled_series {
        0 => String::new(),
        count => format!("; {} series with fewer take the residuals of all series together", grouped(count)),
    };
    format!(
        "intervals: calibrated on {on}; {} or more at each step of each series{pooled}, of {}, {} of which do not \
         overlap",
        counted(calibration.fewest, "residual"),
        counted(windows.windows, "window"),
        grouped(windows.apart)
    )
    .into()
}

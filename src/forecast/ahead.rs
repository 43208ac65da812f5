//! The next rows of each series, with intervals.

use super::table::{Names, Outlook};
use super::{Reading, StepCoverage, TrainedModel, non_overlapping};
use crate::data::{Cutoff, Dataset, SplitName, Start};
use crate::error::{Error, Result};

/// What is forecast.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ForecastOptions {
    /// Other data than the run's own.
    pub reading: Reading,
    /// After which row; the last one, unless another is named.
    pub origin: Start,
    /// `None`: the trained horizon.
    pub rows: Option<usize>,
    /// Whether forecasts are read to forecast beyond the trained horizon.
    pub recursive: bool,
    /// Whether intervals were asked for, so that a forecast that has none is an error.
    pub needs_intervals: bool,
}

/// The next rows of each series.
pub struct Ahead {
    /// What the forecasts continue.
    pub data: Dataset,
    /// The last row that each forecast sees.
    pub cutoffs: Vec<Cutoff>,
    /// Rows that are forecast.
    pub rows: usize,
    /// The forecasts, by series and target.
    pub outlook: Outlook,
    /// What the intervals held on the test windows, where there are intervals.
    pub coverage: Option<Coverage>,
}

/// What intervals held.
pub struct Coverage {
    /// By step of the horizon.
    pub steps: Vec<StepCoverage>,
    /// Test windows.
    pub windows: usize,
    /// Those of them that do not overlap.
    pub apart: usize,
}

/// Forecasts the next rows of each series.
///
/// # Errors
/// More rows than the model was trained to forecast, unless `recursive`; data that cannot be read; forecasts that are not finite.
pub fn forecast(model: &mut TrainedModel, options: &ForecastOptions) -> Result<Ahead> {
    let horizon = model.forecaster.model().header.model.horizon;
    let rows = options.rows.unwrap_or(horizon);
    if rows > horizon {
        if !options.recursive {
            let problem = format!("{rows} rows are asked for: the model was trained to forecast {horizon} rows");
            let help = format!("train one with ‹horizon {rows}›, or let it read its own forecasts with ‹recursive›");
            return Err(Error::config("horizon", problem, help));
        }
        if options.needs_intervals {
            let problem = format!("residuals are known for {horizon} rows, and {rows} are asked for");
            return Err(Error::config("levels", problem, format!("choose ‹levels none›, or ‹horizon {horizon}›")));
        }
        model.say(format!("rows beyond {horizon} are forecast from forecasts, without intervals"));
        model.levels.clear();
    }

    let data = model.data(&options.reading)?;
    model.say(format!("the calendar continues by {}", data.calendar.words()));
    let cutoffs = data.cutoffs(&options.origin)?;
    let ended = data.ended_before(&options.origin)?;
    if ended > 0 {
        let all = data.series.len();
        model.say(format!("{ended} of {all} series ended before ‹origin›: the rows after their last one are forecast"));
    }
    if model.is_own(&data) {
        model.tell_known_rows(&data, &cutoffs);
    }
    let names = Names::new(&data, &model.alias, &model.levels, &[])?;

    // Intervals, and what they held.
    let (mut coverage, mut calibration) = (None, None);
    if !model.levels.is_empty() {
        let training = model.training_data("‹levels none› forecasts without intervals")?;
        let calibrated = model.calibrate(&training)?;
        let unknown = data.series.iter().filter(|series| !calibrated.calibration.knows(&series.id)).count();
        if unknown > 0 {
            model.say(format!(
                "{unknown} series unknown to the model: intervals there take the residuals of all others together"
            ));
        }
        let windows = training.windows(SplitName::Test);
        coverage = Some(Coverage {
            steps: calibrated.calibration.coverage(&training, windows, &calibrated.test),
            windows: windows.len(),
            apart: non_overlapping(&training, windows),
        });
        calibration = Some(calibrated.calibration);
    }

    let mut open = |program| model.engine(program);
    let (predicted, ahead) = model.forecaster.ahead(&data, &cutoffs, rows, &mut open)?;
    if predicted.values.iter().any(|value| !value.is_finite()) {
        return Err(Error::checkpoint(
            &model.forecaster.model().file,
            "the model forecasts values that are not finite",
            "its training diverged, or the data lies far from what it was trained on",
        ));
    }
    model.tell_guess(&data, &ahead, rows)?;
    let outlook = Outlook::new(&ahead, &predicted, rows, names, calibration.as_ref())?;
    if data.time_form != outlook.form {
        model.say(format!("times are written as {}", outlook.series[0].ds[0]));
    }
    Ok(Ahead { data, cutoffs, rows, outlook, coverage })
}

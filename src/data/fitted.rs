//! What a trained model fixes about the data it reads from then on.

use super::options::Scale;
use super::scale::Scaler;
use super::step::Step;
use crate::error::{Error, Place, Result};

/// Scalers and calendar columns of a training run, in place of anything that new rows would say of themselves.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub series: Vec<FittedSeries>,
    pub scale: Scale,
    /// Names of the calendar columns that the model reads.
    pub calendar: Vec<String>,
    /// The distance between rows, where it is not to be taken from the new rows.
    pub step: Option<Step>,
}

/// A series of the training data.
#[derive(Debug, Clone)]
pub struct FittedSeries {
    pub id: String,
    /// Per value column: targets, then covariates.
    pub scalers: Vec<Scaler>,
    /// Per target, of the training rows.
    pub mase_denominators: Vec<Option<f64>>,
}

impl Fitted {
    /// What holds for the series with this id. One scaler for all series is that of any of them.
    ///
    /// # Errors
    /// Names a series that was not trained on, where each has scalers of its own.
    pub(super) fn of(&self, id: &str, file: Place) -> Result<FittedSeries> {
        if let Some(known) = self.series.iter().find(|series| series.id == id) {
            return Ok(known.clone());
        }
        if let (Scale::Global, Some(any)) = (self.scale, self.series.first()) {
            let mase_denominators = vec![None; any.mase_denominators.len()];
            return Ok(FittedSeries { id: id.into(), mase_denominators, ..any.clone() });
        }
        let shown: Vec<String> = self.series.iter().take(6).map(|one| format!("`{}`", one.id)).collect();
        let more = if self.series.len() > 6 { format!(" and {} more", self.series.len() - 6) } else { String::new() };
        let problem = match (id.is_empty(), self.series.iter().all(|one| one.id.is_empty())) {
            (true, _) => {
                format!("holds one series without an id, and the model was trained on {}{more}", shown.join(", "))
            }
            (false, true) => format!("series `{id}`: the model was trained on one series without an id"),
            _ => format!("series `{id}` is none that the model was trained on: {}{more}", shown.join(", ")),
        };
        let help = "each series is scaled by its own training rows: rename or leave it out, or train with ‹scale global›, \
             which forecasts any series";
        Err(Error::data(file, problem, help))
    }
}

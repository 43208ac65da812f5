//! The weights of one epoch, kept on the host.

use crate::engine::Engine;
use crate::error::Result;
use crate::program::TensorId;
use crate::program::tensor::{BEST_PARAMS, BEST_STATE, PARAMS, STATE};

/// What belongs to the weights of an epoch, and where the best one's is kept.
pub(in crate::train) const KEPT: [(TensorId, TensorId); 2] = [(PARAMS, BEST_PARAMS), (STATE, BEST_STATE)];

/// The weights of one epoch.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// From 1.
    pub epoch: usize,
    /// Of scaled values.
    pub validation_loss: f64,
    rows: Vec<Vec<f32>>,
}

impl Snapshot {
    pub(in crate::train) fn take(
        engine: &mut dyn Engine,
        replica: usize,
        epoch: usize,
        validation_loss: f64,
    ) -> Result<Self> {
        let rows = KEPT.iter().map(|(tensor, _)| engine.read_f32(*tensor, replica)).collect::<Result<_>>()?;
        Ok(Snapshot { epoch, validation_loss, rows })
    }

    /// Puts the weights into a replica.
    pub fn restore(&self, engine: &mut dyn Engine, replica: usize) -> Result<()> {
        KEPT.iter().zip(&self.rows).try_for_each(|((tensor, _), row)| engine.write_f32(*tensor, replica, row))
    }
}

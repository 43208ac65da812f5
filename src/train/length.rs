//! How long a run trains, where that is left to its data: short epochs are more of them.

use super::options::TrainOptions;
use crate::data::{counted, grouped};
use crate::error::Text;

/// Epochs of a run, and the fewest steps that they are; so many steps are NeuralForecast's default.
const EPOCHS: usize = 20;
const STEPS: usize = 1000;
/// Epochs without a better one after which a run stops, and the fewest steps that they are: the same share of a run.
const PATIENCE: usize = 3;
const PATIENCE_STEPS: usize = 150;

/// Most epochs, as the option has it.
pub(crate) const MOST: usize = 1_000_000;

/// Epochs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Most passes over the training windows.
    pub epochs: usize,
    /// Epochs without a better validation loss before a replica stops; 0 never stops.
    pub patience: usize,
}

impl TrainOptions {
    /// How long a run of so many training windows is: what was asked for, else 20 epochs, or more if those are fewer than 1,000 steps,
    /// or where steps were asked for than these. Patience is 3 epochs, or more if those are fewer than 150 steps.
    #[must_use]
    pub fn length(&self, windows: usize) -> Length {
        let steps_per_epoch = windows.div_ceil(self.batch.max(1)).max(1);
        let steps = self.max_steps.map_or(STEPS, |steps| usize::try_from(steps).unwrap_or(usize::MAX));
        Length {
            epochs: self.epochs.unwrap_or_else(|| EPOCHS.max(steps.div_ceil(steps_per_epoch)).min(MOST)),
            patience: self.patience.unwrap_or_else(|| PATIENCE.max(PATIENCE_STEPS.div_ceil(steps_per_epoch))),
        }
    }
}

impl Length {
    /// A line for the user where there are more epochs than usual because they are short.
    pub(super) fn notice(self, options: &TrainOptions, steps_per_epoch: usize) -> Option<Text> {
        let Length { epochs, patience } = self;
        if options.epochs.is_some() || epochs == EPOCHS || options.max_steps.is_some() {
            return None;
        }
        let stops = match patience {
            0 => String::new(),
            _ => {
                let from = if options.regularizers.prunes() { ", counted from full sparsity" } else { "" };
                format!("; it stops after {} without a better one (‹patience›){from}", counted(patience, "epoch"))
            }
        };
        Some(
            format!(
                "training at most {} epochs (‹epochs›), because one is {}{stops}",
                grouped(epochs),
                counted(steps_per_epoch, "step")
            )
            .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_epochs_are_more_of_them() {
        let of = |windows, epochs, patience, max_steps| {
            let options = TrainOptions { epochs, patience, max_steps, ..TrainOptions::default() };
            let Length { epochs, patience } = options.length(windows);
            (epochs, patience)
        };
        assert_eq!(of(64 * 284, None, None, None), (20, 3));
        assert_eq!(of(64 * 50, None, None, None), (20, 3));
        assert_eq!(of(64 * 49 + 1, None, None, None), (20, 3));
        assert_eq!(of(64 * 49, None, None, None), (21, 4));
        assert_eq!(of(65, None, None, None), (500, 75));
        assert_eq!(of(1, None, None, None), (1000, 150));
        // What was asked for stands.
        assert_eq!(of(65, Some(2), Some(0), None), (2, 0));
        assert_eq!(of(65, Some(400), None, None), (400, 75));
        // A number of steps is reached.
        assert_eq!(of(65, None, None, Some(3001)), (1501, 75));
        assert_eq!(of(65, None, None, Some(40)), (20, 75));
        assert_eq!(of(65, None, None, Some(u64::MAX)).0, MOST);
        assert_eq!(of(64 * 284, None, None, Some(4)), (20, 3));
    }
}

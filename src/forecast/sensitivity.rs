//! How much worse a trained model forecasts if one of its matrices is pruned, and nothing is trained again.

use std::path::Path;

use serde::Serialize;

use super::{Combine, Run};
use crate::data::Source;
use crate::engine::MakeEngine;
use crate::error::{Error, Result};
use crate::files::Input;
use crate::program::Param;
use crate::program::tensor::PARAMS;
use crate::train::run::mc_passes;
use crate::train::scores::loss::mean_loss;
use crate::train::scores::metrics::Weighting;
use crate::train::scores::predict::predict;

/// Validation losses of a model whose smallest weights are set to 0: of one matrix, or of all together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivity {
    /// Shares of a matrix's weights that are 0, rising; weights that training pruned are among them.
    pub shares: Vec<f64>,
    /// Validation windows.
    pub windows: usize,
    /// The loss of the model as it is.
    pub loss: f64,
    /// By matrix, in the order of the file.
    pub matrices: Vec<MatrixSensitivity>,
    /// The same of all matrices together: the smallest weights of all.
    pub together: Vec<f64>,
}

/// Of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixSensitivity {
    /// As a state dict has it.
    pub name: String,
    /// Its weights.
    pub weights: usize,
    /// Share of them that the model has at 0.
    pub sparsity: f64,
    /// The loss at each share; of a share that is smaller than [`Self::sparsity`], that of the model as it is.
    pub losses: Vec<f64>,
}

impl Sensitivity {
    /// The files that [`Sensitivity::of`] reads.
    ///
    /// # Errors
    /// A file that holds no model.
    pub fn inputs(path: &Path, train_data: Option<&Source>) -> Result<Vec<Input>> {
        Ok(Run::open(path, Combine::Mean, train_data)?.inputs())
    }

    /// Of a run folder or one of its files; `train_data` is read in place of its own data. The loss is the one that it was trained by, on its validation windows.
    ///
    /// # Errors
    /// Where the run's data is not there or has changed, or has no validation windows; those of the engine.
    pub fn of(path: &Path, train_data: Option<&Source>, shares: &[f64], open: &mut MakeEngine) -> Result<Sensitivity> {
        let run = Run::open(path, Combine::Mean, train_data)?;
        let dataset = run.training_data(None, "the losses are those of its validation part")?;
        let windows = &dataset.validation;
        if windows.is_empty() {
            let help = "name a run that was trained with ‹val-size› above 0";
            return Err(Error::config("sensitivity", "the run has no validation windows to take losses on", help));
        }
        let (model, options) = (run.model(), &run.config.train);
        let plan = model.plan(&dataset, options.batch)?;
        let mut engine = open(plan.program.clone())?;
        model.fill(&dataset, engine.as_mut())?;
        let mut loss = |params: &[f32]| {
            engine.write_f32(PARAMS, 0, params)?;
            let (forecasts, _) = predict(engine.as_mut(), &plan, windows, mc_passes(&plan), &|| false)?;
            Ok::<f64, Error>(mean_loss(options, &dataset, windows, &forecasts[0], Weighting::Rows))
        };
        let whole = loss(&model.params)?;
        let matrices: Vec<&Param> = model.layout.params.iter().filter(|param| param.prunable).collect();
        let mut losses = |words: &[usize]| -> Result<Vec<f64>> {
            shares.iter().map(|share| loss(&pruned(&model.params, words, *share))).collect()
        };
        let of = |param: &&Param| {
            let words: Vec<usize> = param.range().collect();
            let zeros = words.iter().filter(|word| model.params[**word] == 0.0).count();
            Ok(MatrixSensitivity {
                name: param.name.clone(),
                weights: words.len(),
                sparsity: zeros as f64 / words.len() as f64,
                losses: losses(&words)?,
            })
        };
        let each = matrices.iter().map(of).collect::<Result<_>>()?;
        let all: Vec<usize> = matrices.iter().flat_map(|param| param.range()).collect();
        let together = losses(&all)?;
        Ok(Sensitivity { shares: shares.to_vec(), windows: windows.len(), loss: whole, matrices: each, together })
    }
}

/// Weights of which the smallest share of some are 0: as many as pruning takes, of equal ones the first.
fn pruned(params: &[f32], words: &[usize], share: f64) -> Vec<f32> {
    let count = (share * words.len() as f64 + 1e-6).floor() as usize;
    let mut order: Vec<usize> = words.to_vec();
    order.sort_by(|a, b| params[*a].abs().total_cmp(&params[*b].abs()).then(a.cmp(b)));
    let mut left = params.to_vec();
    order[..count].iter().for_each(|word| left[*word] = 0.0);
    left
}

#[cfg(test)]
mod tests {
    use super::pruned;

    #[test]
    fn the_smallest_fall_and_of_equal_ones_the_first() {
        let params = [9.0, 0.5, -0.5, 0.1, -2.0, 0.0];
        assert_eq!(pruned(&params, &[1, 2, 3, 4, 5], 0.6), [9.0, 0.0, -0.5, 0.0, -2.0, 0.0]);
        assert_eq!(pruned(&params, &[0], 0.9), params);
    }
}

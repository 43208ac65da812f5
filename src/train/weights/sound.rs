//! Checks a weights file's header against bounds before anything is built from it: a file may come from anybody.

use std::collections::HashSet;

use crate::data::MOST_LEVELS;
use crate::error::{Error, Result};
use crate::models::{MAX_EMBEDDING, MAX_HIDDEN, ModelKind};
use crate::program::tensor::SCORE;
use crate::train::plan::Plan;
use crate::train::run::state::RunState;
use crate::train::weights::header::{Header, McHeader, ModelHeader};

/// Most rows of a window, and most of any count by row, that is read from a file: what the options take.
const MOST_ROWS: usize = crate::data::options::MOST_ROWS as usize;
/// Most units of a width that is read from a file.
const MOST_UNITS: usize = 1 << 20;
/// Most passes of Monte Carlo dropout, as the program's option takes them.
const MOST_PASSES: usize = 10_000;

type Sound = Result<(), String>;

impl Header {
    /// Whether sizes, counts and scalers can be those of a run; `tensors`: how many the file holds. `Err` says in words what
    /// cannot be.
    pub fn check(&self, tensors: usize) -> Sound {
        self.model.check(tensors)?;
        let (data, targets) = (&self.data, self.model.targets);
        within("season", data.season, 1, MOST_ROWS)?;
        let width = data.series.first().map_or(0, |series| series.scalers.len());
        within("the first series' scalers", width, targets, self.model.channels.len())?;
        for series in &data.series {
            let id = &series.id;
            if series.scalers.len() != width {
                return Err(format!("series {id:?} has {} scalers, the first one {width}", series.scalers.len()));
            }
            if let Some(scaler) = series.scalers.iter().find(|one| !one.is_sound()) {
                return Err(format!("series {id:?} is scaled by mean {} and deviation {}", scaler.mean, scaler.std));
            }
            if ![0, targets].contains(&series.mase_denominators.len()) {
                return Err(format!("series {id:?} has {} MASE denominators", series.mase_denominators.len()));
            }
        }
        if let Some(McHeader { passes, dropout, batch }) = self.mc_dropout {
            within("Monte Carlo passes", passes, 1, MOST_PASSES)?;
            within("their batch", batch, 1, MOST_UNITS)?;
            chance("their dropout", dropout)?;
        }
        self.run.as_ref().map_or(Ok(()), RunState::check)
    }
}

impl ModelHeader {
    fn check(&self, tensors: usize) -> Sound {
        let channels = self.channels.len();
        within("look-back", self.lookback, 1, MOST_ROWS)?;
        within("horizon", self.horizon, 1, MOST_ROWS)?;
        within("targets", self.targets, 1, channels)?;
        within("future channels", self.future, 0, channels - self.targets)?;
        self.check_categories()?;
        within("units of the decoder", self.decoder_hidden.unwrap_or(1), 1, MAX_HIDDEN)?;
        // Every layer has tensors of its own.
        within("layers", self.layers, 1, tensors)?;
        within("width", self.hidden, 1, MOST_UNITS)?;
        let recurrent = self.patchtst.is_none();
        if recurrent == (self.kind == ModelKind::Patchtst.to_string()) {
            return Err(format!(
                "a {} {} settings of a patchtst",
                self.kind,
                if recurrent { "without" } else { "with" }
            ));
        }
        if ![0, self.layers].contains(&self.layer_widths.len()) {
            return Err(format!("{} layers have {} widths", self.layers, self.layer_widths.len()));
        }
        for widths in &self.layer_widths {
            match recurrent {
                true => within("a layer's width", widths.hidden, 1, MAX_HIDDEN)?,
                false => {
                    within("a layer's heads", widths.heads, 0, MOST_UNITS)?;
                    within("a head's width", widths.head, 0, MOST_UNITS)?;
                    within("a layer's feed-forward units", widths.ff, 0, MOST_UNITS)?;
                }
            }
        }
        if let Some(patchtst) = &self.patchtst {
            within("patch", patchtst.patch, 1, self.lookback)?;
            within("stride", patchtst.stride, 1, usize::MAX)?;
            within("heads", patchtst.heads, 1, self.hidden)?;
            within("feed-forward units", patchtst.ff, 1, MOST_UNITS)?;
            chance("attention dropout", patchtst.attention_dropout)?;
            chance("head dropout", patchtst.head_dropout)?;
        }
        Ok(())
    }
}

impl ModelHeader {
    /// Channels of codes lie together, before those that are known ahead; levels have names of their own.
    fn check_categories(&self) -> Sound {
        let first = self.categories.first().map_or(0, |one| one.channel);
        let end = self.channels.len() - self.future;
        for (i, one) in self.categories.iter().enumerate() {
            within("a categorical channel", one.channel, self.targets, end.saturating_sub(1))?;
            within("a categorical channel", one.channel, first + i, first + i)?;
            within("levels", one.levels.len(), 0, MOST_LEVELS)?;
            if one.levels.iter().collect::<HashSet<_>>().len() < one.levels.len() {
                return Err(format!("two levels of `{}` have one name", self.channels[one.channel]));
            }
        }
        within("width of embeddings", self.embedding_width.unwrap_or(1), 1, MAX_EMBEDDING)
    }
}

impl RunState {
    /// Whether its own counts agree.
    fn check(&self) -> Sound {
        let replicas = self.replicas.len();
        within("replicas", replicas, 1, MOST_UNITS)?;
        within("epoch", self.epoch, 1, MOST_ROWS)?;
        if self.bad_losses.len() != replicas {
            return Err(format!("{replicas} replicas have {} marks of divergence", self.bad_losses.len()));
        }
        self.replicas.iter().try_for_each(|replica| within("a replica's epochs", replica.epochs, 0, self.epoch))
    }

    /// Rejects a state that no run of this plan can be in.
    pub(in crate::train) fn check_for(&self, plan: &Plan) -> Result<()> {
        let (epochs, prunable) = (plan.length.epochs, plan.began().program.params.budget());
        let sound = || {
            self.check()?;
            within("replicas", self.replicas.len(), plan.members.len(), plan.members.len())?;
            within("epoch", self.epoch, 1, epochs.saturating_add(1))?;
            within("steps of the epoch that are done", self.done, 0, plan.steps_per_epoch)?;
            let score = plan.program.tensor(SCORE).words();
            self.rows.iter().try_for_each(|rows| within("words that rank weights", rows.score.len(), score, score))?;
            within("rows of losses", self.losses.len(), self.replicas.len(), self.replicas.len())?;
            self.replicas.iter().try_for_each(|replica| within("pruned weights", replica.pruned, 0, prunable))
        };
        sound().map_err(|problem| {
            let problem = format!("the checkpoint stands where this run cannot: {problem}");
            Error::config("resume", problem, "the file is damaged, or of another run: begin a new one")
        })
    }
}

fn within(what: &str, value: usize, least: usize, most: usize) -> Sound {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(match least == most {
        true => format!("{what}: {value}, not {least}"),
        false => format!("{what}: {value}, not from {least} to {most}"),
    })
}

fn chance(what: &str, value: f64) -> Sound {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(format!("{what}: {value}, not from 0 to below 1")) }
}

//! Methods and their settings: what is compared.

use std::fmt;
use std::str::FromStr;

use super::study::Study;
use crate::error::{Error, Result};
use crate::train::Member;
use crate::train::options::{PruningOptions, Regularizer, Regularizers, Schedule, Sparsity, TrainOptions};

/// One setting of a method. Several with one name compete on validation rows, and the best stands for the method.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The method, as reports call it.
    pub name: String,
    /// What was typed, without the name: `p=0.3`.
    pub text: String,
    pub regularizers: Regularizers,
    /// A smaller net instead of a pruned one.
    pub narrower: bool,
    pub dropout: f64,
    pub weight_decay: f64,
    pub lr: f64,
    pub pruning: PruningOptions,
}

/// Words for a method's kind: `none`, regularizers joined by `+`, and two of a study's own.
const ONE_SHOT: &str = "one-shot";
const NARROWER: &str = "narrower";
const HELP: &str = "write NAME or NAME:KEY=VALUE:…, NAME of none, dropout, mc-dropout, l2, weight-decay, pruning, \
     random-pruning, one-shot, narrower, or regularizers joined by +; KEY of p, lambda, lr, sparsity, schedule, until, \
     warmup, every, as";

impl Setting {
    /// The settings that a study's word means: several where the study lists sparsities or schedules.
    pub fn parse(text: &str, study: &Study) -> Result<Vec<Setting>> {
        let refuse = |problem: String| Error::config("methods", format!("{text:?}: {problem}"), HELP);
        let mut parts = text.split(':').map(str::trim);
        let word = parts.next().unwrap_or_default();
        let (mut regularizers, narrower) = (Regularizers(Vec::new()), word == NARROWER);
        if word == ONE_SHOT {
            regularizers = Regularizers(vec![Regularizer::Pruning]);
        } else if !narrower {
            regularizers = word.replace('+', ",").parse().map_err(|error: Error| refuse(error.to_string()))?;
        }
        let base = study.options()?;
        let mut setting = Setting {
            name: word.to_string(),
            text: String::new(),
            narrower,
            dropout: base.dropout,
            weight_decay: base.weight_decay,
            lr: base.lr,
            pruning: base.pruning,
            regularizers,
        };
        let (mut own_sparsity, mut own_schedule) = (false, false);
        let mut said = Vec::new();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| refuse(format!("`{part}` is no KEY=VALUE")))?;
            let number = || value.parse::<f64>().map_err(|_| refuse(format!("`{value}` is no number")));
            let count = || value.parse::<usize>().map_err(|_| refuse(format!("`{value}` is no whole number")));
            let pruning = &mut setting.pruning;
            match key {
                "p" => setting.dropout = number()?,
                "lambda" => setting.weight_decay = number()?,
                "lr" => setting.lr = number()?,
                "sparsity" => (pruning.sparsity, own_sparsity) = (value.parse()?, true),
                "schedule" => (pruning.schedule, own_schedule) = (value.parse()?, true),
                "until" => pruning.until = Some(count()?),
                "warmup" => pruning.warmup = Some(count()?),
                "every" => pruning.every = count()?,
                "as" => setting.name = value.to_string(),
                _ => return Err(refuse(format!("unknown key `{key}`"))),
            }
            if key != "as" {
                said.push(part.to_string());
            }
        }
        if word == ONE_SHOT {
            (setting.pruning.schedule, own_schedule) = (Schedule::Constant, true);
        }
        setting.text = said.join(" ");
        if !setting.regularizers.prunes() {
            return Ok(vec![setting]);
        }
        let sparsities: Vec<Option<Sparsity>> = choices(&study.sparsities, own_sparsity)?;
        let schedules: Vec<Option<Schedule>> = choices(&study.schedules, own_schedule)?;
        let mut all = Vec::new();
        for sparsity in &sparsities {
            for schedule in &schedules {
                let mut one = setting.clone();
                let mut said = said.clone();
                if let Some(sparsity) = sparsity {
                    one.pruning.sparsity = *sparsity;
                    said.extend((sparsities.len() > 1).then(|| format!("sparsity={sparsity}")));
                }
                if let Some(schedule) = schedule {
                    one.pruning.schedule = *schedule;
                    said.extend((schedules.len() > 1).then(|| format!("schedule={schedule}")));
                }
                one.text = said.join(" ");
                all.push(one);
            }
        }
        Ok(all)
    }

    /// The training that this setting needs with a seed. Dropout and Monte Carlo dropout of one seed are one training.
    pub fn member(&self, seed: u32) -> Member {
        let training = |one: &Regularizer| match one {
            Regularizer::McDropout => Regularizer::Dropout,
            other => *other,
        };
        let mut list: Vec<Regularizer> = self.regularizers.0.iter().map(training).collect();
        list.dedup();
        // What a training does not use must not tell two apart.
        let regularizers = Regularizers(list);
        let plain = TrainOptions::default();
        let decays = regularizers.has(Regularizer::L2) || regularizers.has(Regularizer::WeightDecay);
        Member {
            seed,
            lr: self.lr,
            dropout: if regularizers.drops() { self.dropout } else { plain.dropout },
            weight_decay: if decays { self.weight_decay } else { plain.weight_decay },
            pruning: if regularizers.prunes() { self.pruning.clone() } else { plain.pruning },
            regularizers,
        }
    }

    /// Whether forecasts are means over passes with dropout on.
    pub fn monte_carlo(&self) -> bool {
        self.regularizers.has(Regularizer::McDropout)
    }
}

/// The values a study lists, where a setting does not say its own.
fn choices<T: FromStr<Err = Error>>(listed: &[String], own: bool) -> Result<Vec<Option<T>>> {
    if own || listed.is_empty() {
        return Ok(vec![None]);
    }
    listed.iter().map(|text| text.parse().map(Some)).collect()
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { f.write_str(&self.name) } else { write!(f, "{} {}", self.name, self.text) }
    }
}

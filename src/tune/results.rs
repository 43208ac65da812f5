//! What a search found.

use serde::Serialize;

use super::folder::{Score, Scores};
use super::halving::worth;
use super::importance::{LEAST, importance};
use super::run::Tuning;
use super::space::Dimension;
use crate::error::Result;
use crate::tables::CsvWriter;
use crate::train::Summary;
use crate::train::scores::baselines::Baselines;

/// A configuration and what it scored.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// 0 is the run without the search's values.
    pub number: usize,
    /// From 1: those that trained to the end, by their loss; then those that trained longest; those that diverged last.
    pub rank: usize,
    /// By option, as it is written.
    pub values: Vec<String>,
    /// The validation loss, the mean over the seeds, after the steps that it trained; `None` if one diverged.
    pub loss: Option<f64>,
    /// By seed.
    pub losses: Vec<Option<f64>>,
    /// Optimizer steps of its models together.
    pub steps: usize,
    /// Whether it trained to the end.
    pub whole: bool,
    /// The loss where all are compared: after a ninth of the training with halving, else at the end.
    pub first_loss: Option<f64>,
}

/// A configuration's models scored as a run of its own is.
#[derive(Debug, Clone, Serialize)]
pub struct Scored {
    /// Which it is.
    pub number: usize,
    /// The configuration, as TOML.
    #[serde(skip)]
    pub toml: String,
    /// As `summary.json` of that run has it.
    pub summary: Summary,
}

/// The share of the ranks' variance that a setting explains.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    /// The option.
    pub name: &'static str,
    /// From 0 to 1.
    pub share: f64,
}

/// What a search found.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// How many were tried, in words.
    pub tried_words: String,
    /// What was searched.
    pub search: String,
    /// The options, in the order of [`Tried::values`].
    pub names: Vec<&'static str>,
    /// By rank.
    pub tried: Vec<Tried>,
    /// Configurations of which a model diverged.
    pub diverged: usize,
    /// The loss by which they rank.
    pub loss: String,
    /// By the loss where all are compared; empty where there are too few configurations.
    pub importance: Vec<Importance>,
    /// When that loss is taken, and what of the pruning is done by then, in words.
    pub importance_when: String,
    /// Whether the worse ones stopped early.
    pub halving: bool,
    /// The run's own configuration, then the chosen one, if it is another.
    pub scored: Vec<Scored>,
    /// On the chosen one's test windows.
    pub baselines: Option<Baselines>,
}

impl Results {
    pub(super) fn new(tuning: &Tuning, scores: &Scores) -> Result<Results> {
        let last = scores.len().saturating_sub(1);
        let of = |number: usize| {
            let rung = (0..=last).rev().find(|rung| scores[*rung].contains_key(&number)).unwrap_or(0);
            let score = scores.get(rung).and_then(|rung| rung.get(&number));
            let finite = |score: &Score| Some(score.loss()).filter(|loss| loss.is_finite());
            let first = scores.first().and_then(|rung| rung.get(&number));
            let tried = Tried {
                number,
                rank: 0,
                values: tuning.configurations[number].values.clone(),
                loss: score.and_then(finite),
                losses: score.map_or_else(Vec::new, |score| score.losses.clone()),
                steps: score.map_or(0, |score| score.steps),
                whole: rung == last,
                first_loss: first.and_then(finite),
            };
            (rung, tried)
        };
        let mut all: Vec<(usize, Tried)> = (0..tuning.configurations.len()).map(of).collect();
        let lost = |one: &Tried| one.loss.is_none();
        let loss = |one: &Tried| worth(one.loss.unwrap_or(f64::INFINITY));
        // Of equal ones the first; the order is stable.
        all.sort_by(|(a_rung, a), (b_rung, b)| {
            lost(a).cmp(&lost(b)).then(b_rung.cmp(a_rung)).then(loss(a).total_cmp(&loss(b)))
        });
        let tried: Vec<Tried> =
            all.into_iter().enumerate().map(|(place, (_, one))| Tried { rank: place + 1, ..one }).collect();
        let space = &tuning.space;
        let mut results = Results {
            tried_words: tuning.words(),
            search: space.to_string(),
            names: space.0.iter().map(|one| one.name).collect(),
            diverged: tried.iter().filter(|one| lost(one)).count(),
            loss: tuning.configurations[0].config.train.loss.to_string(),
            importance: Vec::new(),
            importance_when: tuning.first_rung()?,
            halving: tuning.search.halving,
            scored: Vec::new(),
            baselines: None,
            tried,
        };
        if results.tried.len() >= LEAST {
            let losses: Vec<f64> = results.tried.iter().map(|one| one.first_loss.unwrap_or(f64::INFINITY)).collect();
            let share = |(place, dimension): (usize, &Dimension)| {
                let values: Vec<String> = results.tried.iter().map(|one| one.values[place].clone()).collect();
                Importance { name: dimension.name, share: importance(dimension, &values, &losses) }
            };
            results.importance = space.0.iter().enumerate().map(share).collect();
        }
        Ok(results)
    }

    /// The configuration with the lowest loss of those that trained to the end; `None` where all diverged.
    pub fn chosen(&self) -> Option<usize> {
        self.tried.iter().find(|one| one.whole && one.loss.is_some()).map(|one| one.number)
    }

    /// Whether a configuration's models trained to their end.
    pub(super) fn is_whole(&self, number: usize) -> bool {
        self.tried.iter().any(|one| one.number == number && one.whole)
    }

    /// The chosen one's scores.
    pub fn best(&self) -> Option<&Scored> {
        self.scored.iter().find(|one| Some(one.number) == self.chosen())
    }

    /// The scores of the run's own configuration.
    pub fn default(&self) -> Option<&Scored> {
        self.scored.iter().find(|one| one.number == 0)
    }

    /// Every configuration by rank, as CSV.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let seeds = self.tried.iter().map(|one| one.losses.len()).max().unwrap_or(0);
        let of_seeds: Vec<String> =
            (1..=if seeds > 1 { seeds } else { 0 }).map(|seed| format!("validation_loss_{seed}")).collect();
        let head = ["rank", "configuration"].into_iter().chain(self.names.iter().copied());
        let head = head.chain(["trained", "steps", "validation_loss"]).chain(of_seeds.iter().map(String::as_str));
        let mut table = CsvWriter::new(&head.collect::<Vec<_>>())?;
        for one in &self.tried {
            let (rank, number) = (one.rank.to_string(), one.number.to_string());
            let trained = match (one.loss, one.whole) {
                (None, _) => "diverged",
                (_, true) => "whole",
                (_, false) => "dropped",
            };
            let steps = one.steps.to_string();
            let texts = [rank.as_str(), &number].into_iter().chain(one.values.iter().map(String::as_str));
            let texts: Vec<&str> = texts.chain([trained, &steps]).collect();
            let number = |loss: &Option<f64>| loss.unwrap_or(f64::NAN);
            let own = one.losses.iter().take(of_seeds.len()).map(number);
            table.row(&texts, &[number(&one.loss)].into_iter().chain(own).collect::<Vec<_>>())?;
        }
        table.finish()
    }
}

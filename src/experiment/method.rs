//! Methods and their settings: what is compared.

use std::fmt;
use std::str::FromStr;

use super::study::Study;
use crate::error::{Error, Result, Text};
use crate::models::PruneRule;
use crate::train::Member;
use crate::train::options::{
    LrSchedule, PruneUnit, PruningOptions, Regularizer, Regularizers, Schedule, Sparsity, TrainOptions,
};

/// One setting of a method. Several with one name compete on validation rows, and the best stands for the method.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The method, as reports call it.
    pub name: String,
    /// What was typed, without the name: `p=0.3`.
    pub text: String,
    /// Whether it says a sparsity of its own.
    pub own_sparsity: bool,
    /// What its training does against overfitting.
    pub regularizers: Regularizers,
    /// A smaller net instead of a pruned one.
    pub narrower: bool,
    /// Probability of dropping a value.
    pub dropout: f64,
    /// λ of l2 and weight-decay.
    pub weight_decay: f64,
    /// Learning rate.
    pub lr: f64,
    /// The learning rate over the run, the study's.
    pub lr_schedule: LrSchedule,
    /// Of a one-cycle schedule, the study's.
    pub pct_start: f64,
    /// Largest L2 norm of all gradients together, the study's.
    pub clip_grad_norm: Option<f64>,
    /// How much is pruned, and when.
    pub pruning: PruningOptions,
    /// What falls as a whole.
    pub prune_unit: PruneUnit,
    /// Which weights are pruned, and how they are ranked.
    pub prune_rule: PruneRule,
}

/// Words for a method's kind: `none`, regularizers joined by `+`, and two of a study's own.
const ONE_SHOT: &str = "one-shot";
const NARROWER: &str = "narrower";
/// The words for methods' kinds beside regularizers, which may be joined.
pub const KINDS: [&str; 3] = ["none", ONE_SHOT, NARROWER];

fn help() -> String {
    let (kinds, regularizers) = (KINDS.join(", "), Regularizer::WORDS.join(", "));
    format!("write NAME or NAME:KEY=VALUE:…, NAME of {kinds}, {regularizers}, or regularizers joined by +")
}

impl Setting {
    /// The settings that a study's word means: several where the study lists sparsities or schedules.
    pub fn parse(text: &str, study: &Study) -> Result<Vec<Setting>> {
        let what = Text::from(format!("{text:?}: "));
        let reject = |problem: String| Error::config("methods", what.clone().and(problem), help());
        let misread = |problem: Text| Error::config("methods", what.clone().and(problem), help());
        let mut parts = text.split(':').map(str::trim);
        let word = parts.next().unwrap_or_default();
        let (mut regularizers, narrower) = (Regularizers(Vec::new()), word == NARROWER);
        if word == ONE_SHOT {
            regularizers = Regularizers(vec![Regularizer::Pruning]);
        } else if !narrower {
            regularizers = value_of(&word.replace('+', ",")).map_err(misread)?;
        }
        let base = study.options();
        let mut setting = Setting {
            name: word.to_string(),
            text: String::new(),
            own_sparsity: false,
            narrower,
            dropout: base.dropout,
            weight_decay: base.weight_decay,
            lr: base.lr,
            lr_schedule: base.lr_schedule,
            pct_start: base.pct_start,
            clip_grad_norm: base.clip_grad_norm,
            pruning: base.pruning,
            prune_unit: base.prune_unit,
            prune_rule: base.prune_rule,
            regularizers,
        };
        let mut said: Vec<(&str, &str)> = Vec::new();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| reject(format!("`{part}` is no KEY=VALUE")))?;
            if said.iter().any(|(one, _)| *one == key) {
                return Err(reject(format!("`{key}` is given twice")));
            }
            let number = || value.parse::<f64>().map_err(|_| reject(format!("`{value}` is no number")));
            let count = || value.parse::<usize>().map_err(|_| reject(format!("`{value}` is no whole number")));
            let pruning = &mut setting.pruning;
            match key {
                "p" => setting.dropout = number()?,
                "lambda" => setting.weight_decay = number()?,
                "lr" => setting.lr = number()?,
                "sparsity" => pruning.sparsity = value_of(value).map_err(misread)?,
                "schedule" => pruning.schedule = value_of(value).map_err(misread)?,
                "until" => pruning.until = Some(count()?),
                "warmup" => pruning.warmup = Some(count()?),
                "every" => pruning.every = count()?,
                "unit" => setting.prune_unit = value_of(value).map_err(misread)?,
                "scope" => setting.prune_rule.among = value_of(value).map_err(misread)?,
                "cap" => {
                    let cap = Some(number()?).filter(|cap| *cap > 0.0 && *cap < 1.0);
                    setting.prune_rule.cap =
                        Some(cap.ok_or_else(|| reject(format!("`cap={value}` is not between 0 and 1")))?);
                }
                "score" => setting.prune_rule.score = value_of(value).map_err(misread)?,
                "regrow" => setting.prune_rule.regrow = value_of(value).map_err(misread)?,
                "as" => setting.name = plain_name(value).map_err(reject)?,
                _ => {
                    let keys = setting.keys(word, false, study).join(", ");
                    return Err(reject(format!("unknown key `{key}`; {word} takes {keys}")));
                }
            }
            said.push((key, value));
        }
        let own = |key: &str| said.iter().any(|(one, _)| *one == key);
        let keys = setting.keys(word, own("schedule"), study);
        if let Some((key, _)) = said.iter().find(|(key, _)| !keys.contains(key)) {
            return Err(reject(format!("`{key}` would change nothing; {word} takes {}", keys.join(", "))));
        }
        if word == ONE_SHOT {
            setting.pruning.schedule = Schedule::Constant;
        }
        setting.own_sparsity = own("sparsity");
        let prunes = setting.regularizers.prunes();
        let sparsities = choices(&study.sparsities, "sparsities", !prunes || own("sparsity"))?;
        let schedules = choices(&study.schedules, "schedules", !prunes || word == ONE_SHOT || own("schedule"))?;
        let said: Vec<String> =
            said.iter().filter(|(key, _)| *key != "as").map(|(key, value)| format!("{key}={value}")).collect();
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

    /// The keys that change what a setting of this kind does.
    fn keys(&self, word: &str, own_schedule: bool, study: &Study) -> Vec<&'static str> {
        let has = |one| self.regularizers.has(one);
        let prunes = self.regularizers.prunes();
        // The published code's PatchTST drops where it prunes.
        let drops = self.regularizers.drops()
            || (study.authors_protocol && prunes && study.models.iter().any(|model| model == "patchtst"));
        let one_shot = word == ONE_SHOT || (own_schedule && self.pruning.schedule == Schedule::Constant);
        [
            ("p", drops),
            ("lambda", has(Regularizer::L2) || has(Regularizer::WeightDecay)),
            ("lr", true),
            ("sparsity", prunes || self.narrower),
            ("schedule", prunes && word != ONE_SHOT),
            ("until", prunes && !one_shot),
            ("warmup", prunes),
            ("every", prunes),
            ("unit", prunes),
            ("scope", prunes),
            ("cap", prunes),
            ("score", has(Regularizer::Pruning)),
            ("regrow", prunes),
            ("as", true),
        ]
        .into_iter()
        .filter_map(|(key, takes)| takes.then_some(key))
        .collect()
    }

    /// Whether this is what a study asks about, synaptic pruning: the smallest weights fall, little by little. Random and
    /// one-shot pruning are rivals.
    pub fn is_subject(&self) -> bool {
        self.regularizers.has(Regularizer::Pruning) && self.pruning.schedule != Schedule::Constant
    }

    /// Itself; of a narrower model that says no sparsity of its own, a setting for each of `sparsities`.
    pub fn sized(&self, sparsities: &[Sparsity]) -> Vec<Setting> {
        if !self.narrower || self.own_sparsity {
            return vec![self.clone()];
        }
        let sized = |sparsity: &Sparsity| {
            let mut one = self.clone();
            one.pruning.sparsity = *sparsity;
            if sparsities.len() > 1 {
                one.text = format!("{} sparsity={sparsity}", one.text).trim().to_string();
            }
            one
        };
        sparsities.iter().map(sized).collect()
    }

    /// The training that this setting needs with a seed. Dropout and Monte Carlo dropout of one seed are one training.
    pub fn member(&self, seed: u32) -> Member {
        let training = |one: &Regularizer| match one {
            Regularizer::McDropout => Regularizer::Dropout,
            other => *other,
        };
        let mut list: Vec<Regularizer> = self.regularizers.0.iter().map(training).collect();
        list.dedup();
        // What a training does not use must not distinguish two.
        let regularizers = Regularizers(list);
        let plain = TrainOptions::default();
        let decays = regularizers.has(Regularizer::L2) || regularizers.has(Regularizer::WeightDecay);
        Member {
            seed,
            lr: self.lr,
            lr_schedule: self.lr_schedule,
            pct_start: self.pct_start,
            clip_grad_norm: self.clip_grad_norm,
            dropout: if regularizers.drops() { self.dropout } else { plain.dropout },
            weight_decay: if decays { self.weight_decay } else { plain.weight_decay },
            pruning: if regularizers.prunes() { self.pruning.clone() } else { plain.pruning },
            regularizers,
        }
    }

    /// The options of a run in which this setting and others that have the same train: what replicas cannot differ in.
    pub fn options(&self, base: &TrainOptions) -> TrainOptions {
        match self.regularizers.prunes() {
            true => TrainOptions { prune_unit: self.prune_unit, prune_rule: self.prune_rule.clone(), ..base.clone() },
            false => base.clone(),
        }
    }

    /// Whether forecasts are means over passes with dropout on.
    pub fn monte_carlo(&self) -> bool {
        self.regularizers.has(Regularizer::McDropout)
    }
}

/// What narrower models are made for: the largest sparsities of the synaptic pruning among the settings, else of any
/// pruning, else those that the study lists.
pub(super) fn sizes(settings: &[Setting], study: &Study) -> Result<Vec<Sparsity>> {
    let subjects = settings.iter().any(Setting::is_subject);
    let pruned = settings.iter().filter(|one| if subjects { one.is_subject() } else { one.regularizers.prunes() });
    let mut all: Vec<Sparsity> = pruned.map(|one| one.pruning.sparsity).collect();
    if all.is_empty() {
        all = choices(&study.sparsities, "sparsities", false)?.into_iter().flatten().collect();
    }
    let mut sizes: Vec<Sparsity> = Vec::new();
    for sparsity in all {
        if sizes.iter().all(|one| one.max != sparsity.max) {
            sizes.push(sparsity);
        }
    }
    Ok(if sizes.is_empty() { vec![PruningOptions::default().sparsity] } else { sizes })
}

/// The values that a study lists under a key, or none where a setting has its own.
fn choices<T: FromStr<Err = Error>>(listed: &[String], key: &str, own: bool) -> Result<Vec<Option<T>>> {
    if own || listed.is_empty() {
        return Ok(vec![None]);
    }
    let one = |text: &String| match text.parse() {
        Err(Error::Config { problem, help, .. }) => Err(Error::config(key, problem, help)),
        other => other.map(Some),
    };
    listed.iter().map(one).collect()
}

/// A value, or what is wrong with its text, without the name of an option that is not the study's.
fn value_of<T: FromStr<Err = Error>>(text: &str) -> Result<T, Text> {
    text.parse().map_err(|error| match error {
        Error::Config { problem, help, .. } => problem.and(" (").and(help).and(")"),
        other => other.to_string().into(),
    })
}

fn plain_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    if text.is_empty() || text.chars().count() > MOST_LETTERS || !text.chars().all(plain) {
        let problem = "cannot name a method: use up to 40 letters, digits, - _ . and +";
        return Err(format!("`{text}` {problem}"));
    }
    Ok(text.to_string())
}

/// Of a method's name.
const MOST_LETTERS: usize = 40;

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { f.write_str(&self.name) } else { write!(f, "{} {}", self.name, self.text) }
    }
}

//! What a resumed run may change.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{AtResume, Config, option};
use crate::error::Text;
use crate::train::options::LrSchedule;

impl Config {
    /// The settings that are not those of the configuration that a run began with, as it was written: each with what it was
    /// and what it is. Not those that may change: what changes no bit, and `epochs` and `max-steps` where a longer run begins
    /// with the same steps.
    pub fn differences(&self, before: &Table) -> Vec<Text> {
        let now: Table = self.to_toml().parse().unwrap_or_default();
        let words = |value: Option<&Value>| value.map_or("unset".into(), Value::to_string);
        let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        keys.into_iter()
            .filter(|key| before.get(*key) != now.get(*key) && !self.may_differ(key, before))
            .map(|key| format!("‹{key}› was {}, here {}", words(before.get(key)), words(now.get(key))).into())
            .collect()
    }

    fn may_differ(&self, key: &str, before: &Table) -> bool {
        match option(key).map_or(AtResume::Fixed, |one| one.spec.at_resume) {
            AtResume::Free => true,
            AtResume::Grows => self.is_longer(before),
            AtResume::Fixed => false,
        }
    }

    /// Whether this is the same run as the one before, but of more epochs or steps, and nothing of the steps before depends
    /// on how many there are.
    pub fn is_longer(&self, before: &Table) -> bool {
        let was = |key: &str| before.get(key).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
        let (epochs, steps) = (was("epochs").unwrap_or(u64::MAX), was("max-steps"));
        let rate = matches!(self.train.lr_schedule, LrSchedule::Constant | LrSchedule::Decay);
        let now = self.train.epochs.map(|epochs| epochs as u64);
        let more_epochs = now > Some(epochs);
        let more_steps = steps.zip(self.train.max_steps).is_some_and(|(was, now)| now > was);
        let same = |was: Option<u64>, now: Option<u64>| was == now;
        let epochs_kept = now == Some(epochs);
        let steps_kept = same(steps, self.train.max_steps);
        (more_epochs && rate && (steps_kept || more_steps)) || (more_steps && epochs_kept)
    }
}

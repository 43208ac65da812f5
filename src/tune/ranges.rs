//! Ranges that hold what the run rejects, found before anything is drawn from them.

use super::space::{Dimension, Space, Values};
use crate::config::{Config, Settings};
use crate::data::Dataset;
use crate::error::{Error, Result, Text};
use crate::train::{Plan, TrainOptions};

/// Whole numbers of a range that are all tried; of wider ones, both ends.
const MOST: f64 = 64.0;

/// Rejects a range with a value that fits no run of this search: neither with the run's own values of the other options, nor with one of
/// theirs that is searched.
///
/// # Errors
/// Names the range, the value, and what is wrong with it.
pub(super) fn check(base: &Settings, space: &Space, dataset: &Dataset) -> Result<()> {
    for one in &space.0 {
        let read = |text: &str| run(base, [(one, text)], dataset);
        for value in values(one) {
            let Err(error) = read(&value) else { continue };
            let others = || space.0.iter().filter(|other| other.name != one.name);
            let fits =
                |other: &Dimension, text: &str| run(base, [(one, value.as_str()), (other, text)], dataset).is_ok();
            if others().any(|other| samples(other).iter().any(|text| fits(other, text))) {
                continue;
            }
            return Err(match error {
                Error::Config { problem, help, .. } => {
                    let what = Text::from(format!("`{}={}` holds {value}, which is rejected: ", one.name, one.values));
                    Error::config("search", what.and(problem), help)
                }
                other => other,
            });
        }
    }
    Ok(())
}

/// What is tried of a range: its ends first. Nothing of a list, whose values are named one by one.
fn values(one: &Dimension) -> Vec<String> {
    let Values::Range { from, to, whole, .. } = &one.values else { return Vec::new() };
    let mut all = vec![*from, *to];
    // Each look-back reads the data anew.
    if *whole && to - from < MOST && one.name != "lookback" {
        all.extend((1..).map(|step| from + f64::from(step)).take_while(|value| value < to));
    }
    all.iter().map(f64::to_string).collect()
}

/// Values of another option that is searched.
fn samples(one: &Dimension) -> Vec<String> {
    match &one.values {
        Values::Choices(list) => list.clone(),
        Values::Range { from, to, .. } => vec![from.to_string(), to.to_string()],
    }
}

/// Plans a run of one model with some values, without training it.
fn run<'a>(base: &Settings, set: impl IntoIterator<Item = (&'a Dimension, &'a str)>, dataset: &Dataset) -> Result<()> {
    let mut settings = base.clone();
    let mut reads = false;
    for (one, text) in set {
        settings.insert(&one.option().spec, text.to_string());
        reads |= DATA.contains(&one.name);
    }
    let Config { data, train, .. } = Config::new(&settings)?;
    let own = if reads { Some(data.load()?) } else { None };
    let options = TrainOptions { replicas: 1, ..train.first_choice() };
    Plan::new(own.as_ref().unwrap_or(dataset), &options).map(drop)
}

/// Those of [`OF_SHAPES`](super::space::OF_SHAPES) that change what is read of the data.
const DATA: [&str; 2] = ["lookback", "calendar"];

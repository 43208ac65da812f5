//! The runs of a search: configurations that differ only in what replicas may differ in train side by side.

use std::ops::Range;

use super::sample::{Configuration, within};
use super::space::{Dimension, OF_SHAPES, Space};
use crate::data::{DataOptions, Dataset};
use crate::error::{Error, Result};
use crate::experiment::cell::{MEMORY_BYTES, bytes, common};
use crate::train::options::TrainOptions;
use crate::train::{Member, Plan};

/// The windows of one look-back.
#[derive(Debug)]
pub struct Windows {
    /// As configurations ask for them.
    asked: DataOptions,
    /// What is trained on. Its validation windows choose the epoch, as in a run of its own; its test windows are those that every
    /// look-back has.
    pub dataset: Dataset,
    /// The validation windows that every look-back has: what configurations are ranked by.
    pub scored: Vec<u32>,
}

/// Configurations that train as replicas of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which of the [`Windows`].
    pub windows: usize,
    /// What all share.
    pub options: TrainOptions,
    /// Which of the configurations.
    pub configurations: Vec<usize>,
    /// Replicas of each.
    pub seeds: usize,
}

impl Group {
    /// The replicas, configuration by configuration.
    fn members(&self, all: &[Configuration]) -> Vec<Member> {
        let of = |one: &usize| members(&all[*one].config.train, self.seeds);
        self.configurations.iter().flat_map(of).collect()
    }

    /// Its run.
    ///
    /// # Errors
    /// As [`Plan::of`], naming the configuration that does not fit the model or the data.
    pub fn plan(&self, windows: &[Windows], all: &[Configuration], space: &Space) -> Result<Plan> {
        let dataset = &windows[self.windows].dataset;
        Plan::of(dataset, &self.options, self.members(all)).map_err(|error| {
            let alone = |one: &usize| Plan::of(dataset, &self.options, members(&all[*one].config.train, 1));
            let found = self.configurations.iter().find_map(|one| alone(one).err().map(|error| (one, error)));
            found.map_or(error, |(one, error)| match one {
                0 => error,
                one => within(&words(space, &all[*one]), error),
            })
        })
    }

    /// The replicas of its configuration at `place`.
    pub fn replicas(&self, place: usize) -> Range<usize> {
        place * self.seeds..(place + 1) * self.seeds
    }
}

/// A configuration's values with their options' names.
pub fn words(space: &Space, one: &Configuration) -> Vec<String> {
    space.0.iter().zip(&one.values).map(|(dimension, value)| format!("{} = {value}", dimension.name)).collect()
}

fn members(options: &TrainOptions, seeds: usize) -> Vec<Member> {
    TrainOptions { replicas: seeds, ..options.clone() }.members()
}

/// Reads the data of every configuration, and groups those that can train together. Each group's replicas need at most
/// [`MEMORY_BYTES`], or are those of one configuration.
///
/// # Errors
/// Data that cannot be read as a configuration asks; look-backs that have no validation window in common.
pub fn groups<'a>(all: &'a [Configuration], space: &Space, seeds: usize) -> Result<(Vec<Windows>, Vec<Group>)> {
    let mut windows: Vec<Windows> = Vec::new();
    let mut shapes: Vec<(Vec<&String>, Group)> = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let shape = |(dimension, value): (&Dimension, &'a String)| OF_SHAPES.contains(&dimension.name).then_some(value);
        let key: Vec<&String> = space.0.iter().zip(&one.values).filter_map(shape).collect();
        if let Some((_, group)) = shapes.iter_mut().find(|(other, _)| *other == key) {
            group.configurations.push(number);
            continue;
        }
        let asked = &one.config.data;
        let known = windows.iter().position(|one| one.asked == *asked).map_or_else(
            || {
                let dataset = asked.load().map_err(|error| match number {
                    0 => error,
                    _ => within(&words(space, one), error),
                })?;
                windows.push(Windows { asked: asked.clone(), dataset, scored: Vec::new() });
                Ok(windows.len() - 1)
            },
            Ok,
        )?;
        let group = Group { windows: known, options: one.config.train.clone(), configurations: vec![number], seeds };
        shapes.push((key, group));
    }
    share_windows(&mut windows)?;
    let mut groups = Vec::new();
    for (_, whole) in shapes {
        let (own, shared) = bytes(&whole.plan(&windows, all, space)?.program);
        let most = (MEMORY_BYTES.saturating_sub(shared) / own.max(1)) as usize / seeds;
        let parts = whole.configurations.chunks(most.max(1));
        groups.extend(parts.map(|part| Group { configurations: part.to_vec(), ..whole.clone() }));
    }
    Ok((windows, groups))
}

/// Finds the validation windows that forecast what those of every look-back do, and leaves such test windows alone.
fn share_windows(all: &mut [Windows]) -> Result<()> {
    let shared = |own: &Dataset, of: fn(&Dataset) -> &Vec<u32>| {
        let mut left = of(own).clone();
        for other in all.iter().map(|one| &one.dataset) {
            let mut theirs = common(own, other, of(other));
            theirs.sort_unstable();
            left.retain(|window| theirs.binary_search(window).is_ok());
        }
        left
    };
    let found: Vec<[Vec<u32>; 2]> = all
        .iter()
        .map(|one| [shared(&one.dataset, |set| &set.validation), shared(&one.dataset, |set| &set.test)])
        .collect();
    for (one, [scored, test]) in all.iter_mut().zip(found) {
        (one.scored, one.dataset.test) = (scored, test);
    }
    let weightless = |one: &Windows| one.scored.iter().all(|window| one.dataset.target_weight(*window) == 0.0);
    if all.iter().any(|one| !one.scored.is_empty() && weightless(one)) {
        let problem = "all validation rows that every look-back forecasts have weight 0";
        return Err(Error::config("weight", problem, "give some of them a weight above 0"));
    }
    if all.iter().any(|one| one.scored.is_empty()) {
        let help = "give the run more validation rows (‹val-size›), or search shorter look-backs";
        return Err(Error::config("search", "no validation window is one of every look-back", help));
    }
    Ok(())
}

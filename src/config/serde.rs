//! Options structs as tables of options, for any format that serde knows.

use toml::Table;

use super::option::{Opt, Spec};
use super::table::{DATA, MODEL, PATCHTST, PRUNING, TRAINING};
use super::{Config, Settings, find};
use crate::data::DataOptions;
use crate::error::{Error, Result};
use crate::train::TrainOptions;

/// The settings of a table that holds none but those of `groups`.
fn settings(table: &Table, groups: &[&[Opt<Config>]]) -> Result<Settings> {
    let known: Vec<&Spec> = groups.iter().copied().flatten().map(|one| &one.spec).collect();
    table.keys().try_for_each(|key| find(key, &known).map(|_| ()))?;
    Settings::from_table(table)
}

impl From<DataOptions> for Table {
    /// What is set.
    fn from(data: DataOptions) -> Table {
        let config = Config { data, ..Config::default() };
        DATA.iter().filter_map(|one| Some((one.spec.name.to_string(), one.get(&config)?))).collect()
    }
}

impl TryFrom<Table> for DataOptions {
    type Error = Error;

    fn try_from(table: Table) -> Result<DataOptions> {
        let settings = settings(&table, &[DATA])?;
        let mut config = Config::default();
        for one in DATA {
            settings.get(one.spec.name).map_or(Ok(()), |text| one.set(&mut config, text))?;
        }
        Ok(config.data)
    }
}

const OF_TRAINING: [&[Opt<Config>]; 4] = [MODEL, PATCHTST, TRAINING, PRUNING];

impl From<TrainOptions> for Table {
    fn from(train: TrainOptions) -> Table {
        let config = Config { train, ..Config::default() };
        let all = OF_TRAINING.into_iter().flatten();
        all.filter_map(|one| Some((one.spec.name.to_string(), one.written(&config)?))).collect()
    }
}

impl TryFrom<Table> for TrainOptions {
    type Error = Error;

    fn try_from(table: Table) -> Result<TrainOptions> {
        Ok(Config::new(&settings(&table, &OF_TRAINING)?)?.train)
    }
}

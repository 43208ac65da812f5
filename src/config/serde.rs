//! Options structs as tables of options, for any format that serde knows: what is set, paths as they are named. No file is
//! opened.

use toml::Table;

use super::field::at;
use super::kind::Kind;
use super::option::{Opt, Spec};
use super::settings::read_table;
use super::table::{DATA, MODEL, PATCHTST, PRUNING, TRAINING};
use super::{Config, Settings};
use crate::data::DataOptions;
use crate::data::options::MOST_ROWS;
use crate::error::{Error, Result};
use crate::train::TrainOptions;

/// What studies and backtests set of the data: no options of a run.
static OF_STUDIES: &[Opt<Config>] = &[
    Opt::new("train-rows", Kind::Whole(1, MOST_ROWS), at!(data.train_rows?), "Training rows: the last so many"),
    Opt::new("origin", Kind::Text, at!(data.origin?), "One of several consecutive test periods, as `2/3`"),
    Opt::new("authors-protocol", Kind::Switch, at!(data.authors_protocol?), "The published code's choices, which leak"),
    Opt::new("backtest", Kind::Whole(0, MOST_ROWS), at!(data.backtest?), "Rows after the one window that is tested"),
];

fn of_data() -> impl Iterator<Item = &'static Opt<Config>> {
    DATA.iter().chain(OF_STUDIES)
}

fn specs(options: impl Iterator<Item = &'static Opt<Config>>) -> Vec<&'static Spec> {
    options.map(|one| &one.spec).collect()
}

impl From<DataOptions> for Table {
    /// What is set.
    fn from(data: DataOptions) -> Table {
        let config = Config { data, ..Config::default() };
        of_data().filter_map(|one| Some((one.spec.name.to_string(), one.get(&config)?))).collect()
    }
}

impl TryFrom<Table> for DataOptions {
    type Error = Error;

    fn try_from(table: Table) -> Result<DataOptions> {
        let mut config = Config::default();
        for (spec, text) in read_table(&table, &specs(of_data()))? {
            let option = of_data().find(|one| one.spec.name == spec.name);
            option.map_or(Ok(()), |one| one.set(&mut config, &text))?;
        }
        Ok(config.data)
    }
}

fn of_training() -> impl Iterator<Item = &'static Opt<Config>> {
    [MODEL, PATCHTST, TRAINING, PRUNING].into_iter().flatten()
}

impl From<TrainOptions> for Table {
    fn from(train: TrainOptions) -> Table {
        let config = Config { train, ..Config::default() };
        of_training().filter_map(|one| Some((one.spec.name.to_string(), one.written(&config)?))).collect()
    }
}

impl TryFrom<Table> for TrainOptions {
    type Error = Error;

    fn try_from(table: Table) -> Result<TrainOptions> {
        let mut settings = Settings::default();
        read_table(&table, &specs(of_training()))?.into_iter().for_each(|(spec, text)| settings.insert(spec, text));
        Ok(Config::of_trained(settings)?.train)
    }
}

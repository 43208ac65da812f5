//! The configuration that a trained model's file keeps.

use toml::{Table, Value};

use super::{Config, Settings, option};
use crate::data::DataOptions;
use crate::error::{Error, Result};
use crate::train::Loaded;
use crate::train::weights::loaded::TRAIN;

impl Config {
    /// How a model's run was configured, to read its data, or other rows in its form (`data.source`), alike. Of a run without
    /// a configuration, as the library leaves it, the model's columns and windows alone.
    ///
    /// # Errors
    /// Names the key of the configuration that cannot be read.
    pub fn of_run(model: &Loaded) -> Result<Config> {
        let wrong = |problem: String| Error::checkpoint(&model.file, format!("its configuration: {problem}"), TRAIN);
        let header = &model.header;
        let table: Table = header.config.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        if table.is_empty() {
            let own = &header.model;
            let data = DataOptions {
                targets: Some(own.channels[..own.targets.min(own.channels.len())].to_vec()),
                lookback: Some(own.lookback),
                horizon: Some(own.horizon),
                season: Some(header.data.season),
                ..DataOptions::default()
            };
            return Ok(Config { data, ..Config::default() });
        }
        let read = || Config::of_trained(Settings::from_table(&table)?);
        read().map_err(|error| match error {
            Error::Config { .. } => error.in_file(&model.file),
            other => other,
        })
    }

    /// What the settings of a run that has trained say. The weights that it started from need not be there any more: that file
    /// is named and not read.
    ///
    /// # Errors
    /// As [`Config::new`].
    pub fn of_trained(mut settings: Settings) -> Result<Config> {
        let init = settings.remove("init");
        let mut config = Config::new(&settings)?;
        if let (Some(file), Some(option)) = (init, option("init")) {
            option.set(&mut config, &file)?;
        }
        Ok(config)
    }
}

/// The configuration of a run that has trained, as it was written.
///
/// # Errors
/// Where it is no TOML.
pub fn written(model: &Loaded) -> Result<Table> {
    let wrong = |error: toml::de::Error| Error::checkpoint(&model.file, format!("its configuration: {error}"), TRAIN);
    let mut table: Table = model.header.config.parse().map_err(wrong)?;
    // Files of before there was the option say nothing of it.
    table.entry("calibration").or_insert_with(|| Value::from("none"));
    Ok(table)
}

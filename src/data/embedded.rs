//! The data set in the program itself: see `data/SOURCE.md`.

use super::options::{Covariates, DataOptions};
use crate::error::{Error, Place, Result};

pub(crate) const NAME: &str = "nyc-weather-2013";
pub(crate) const FILE: &str = "nyc_weather_2013.csv";
pub(crate) const CSV: &str = include_str!("../../data/nyc_weather_2013.csv");
const CONFIG: &str = include_str!("../../data/nyc_weather_2013.toml");

/// The embedded set's own config, for options that are not given. A column chosen as target is no covariate.
pub(crate) fn options(targets: Option<&[String]>) -> Result<DataOptions> {
    let mut options: DataOptions = toml::from_str(CONFIG)
        .map_err(|error| Error::data(Place::of("nyc_weather_2013.toml"), error.to_string(), "correct it"))?;
    if let (Some(Covariates::Names(names)), Some(targets)) = (&mut options.covariates, targets) {
        names.retain(|name| !targets.contains(name));
    }
    Ok(options)
}

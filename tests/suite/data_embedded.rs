//! The embedded set is what `data/SOURCE.md` says it is, and loads without a word from the user.

use microglia::data::{Covariates, DataOptions, Impute, Source};
use sha2::{Digest, Sha256};

use super::data::noticed;

const SHA256: &str = "1d556ed44c5f8840afce8bc86d2388cf1f725aadd465eb0233ab8b5853fb6830";

#[test]
fn the_file_is_the_documented_one() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let bytes = std::fs::read(folder.join("nyc_weather_2013.csv")).unwrap();
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, SHA256);
    assert!(std::fs::read_to_string(folder.join("SOURCE.md")).unwrap().contains(SHA256));
    assert_eq!(DataOptions::default().load().unwrap().fingerprint, SHA256);
}

#[test]
fn it_loads_by_its_own_config() {
    let data = DataOptions::default().load().unwrap();
    let counts: Vec<(&str, usize)> = data.series.iter().map(|series| (series.id.as_str(), series.rows.len())).collect();
    assert_eq!((data.name.as_str(), data.rows()), ("nyc-weather-2013", 26_115));
    assert_eq!(counts, [("EWR", 8_703), ("JFK", 8_706), ("LGA", 8_706)]);
    assert_eq!(data.target_names(), ["temp"]);
    assert_eq!((data.lookback, data.horizon, data.season), (48, 6, 24));
    assert_eq!(data.channel_names()[1..3], ["humid", "wind_speed"]);
    assert_eq!(data.channel_names()[3..], ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos"]);
    assert_eq!(data.resolved.impute, Some(Impute::Ffill));
    assert!(noticed(&data, "75 missing times in 45 gaps"), "{:?}", data.notices);
    assert!(data.values.iter().all(|value| value.is_finite()));
    assert_eq!(data.raw_targets.iter().filter(|value| value.is_nan()).count(), 1);
}

#[test]
fn a_column_chosen_as_target_is_no_covariate() {
    let options = DataOptions { targets: Some(vec!["humid".into()]), ..DataOptions::default() };
    assert_eq!(options.load().unwrap().channel_names()[..2], ["humid", "wind_speed"]);
}

#[test]
fn typed_options_win_over_its_config() {
    let options = DataOptions {
        targets: Some(vec!["dewp".into()]),
        covariates: Some(Covariates::All),
        horizon: Some(3),
        calendar: Some(false),
        ..DataOptions::default()
    };
    let data = options.load().unwrap();
    assert_eq!(data.channel_names(), ["dewp", "temp", "humid", "wind_speed", "pressure"]);
    assert_eq!((data.lookback, data.horizon), (48, 3));
    let none = Some(Covariates::None);
    let strict = DataOptions { impute: Some(Impute::Error), covariates: none, ..DataOptions::default() };
    let message = strict.load().unwrap_err().to_string();
    assert!(message.contains("nyc_weather_2013.csv:5593, column `temp`, value \"NA\""), "{message}");
}

#[test]
fn the_resolved_options_load_the_same_data() {
    let data = DataOptions::default().load().unwrap();
    assert_eq!(data.resolved.source, Source::Embedded);
    let again = data.resolved.load().unwrap();
    assert_eq!(again.notices, data.notices);
    assert_eq!((again.resolved, again.values, again.train), (data.resolved, data.values, data.train));
}

//! The configuration of a study, which the library reads, and that of a run, which the program does: its own modules, as they are.
#![no_main]

use clap::FromArgMatches;
use cli::args::TrainArgs;
use cli::config::Config;

#[path = "../targets.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod targets;

#[path = "../../src/cli"]
#[allow(dead_code, reason = "the program uses the rest")]
mod cli {
    pub mod args;
    pub mod config;
    pub mod config_file;
    pub mod experiment_args;
    pub mod forecast_args;
    pub mod help;
    pub mod presets;
    pub mod profile_args;
    pub mod weights_args;
}

fn read(table: &toml::Table) -> anyhow::Result<Config> {
    // Only the words: no weights file is opened.
    let table: toml::Table = table.clone().into_iter().filter(|(key, _)| key != "init").collect();
    Config::from_args(TrainArgs::from_arg_matches(&cli::config_file::parse(&table)?)?)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::config(bytes);
    let Some(table) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<toml::Table>().ok()) else { return };
    if let Ok(config) = read(&table) {
        let written = cli::config_file::write(&config);
        let again = read(&written.parse().unwrap()).unwrap();
        assert_eq!(cli::config_file::write(&again), written);
    }
});

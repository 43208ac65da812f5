//! What a command line asks for: options that were typed over those of a file, over those of a preset.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgMatches, FromArgMatches};
use microglia::config::{self, Config, Settings, presets};
use microglia::files::Input;

use super::args::RunFlags;
use super::say_text;

/// The run that was asked for. Typed options that change nothing are remarked upon.
pub(super) fn config(typed: &ArgMatches) -> Result<Config> {
    let mut all = settings_below(typed)?;
    let flags = RunFlags::from_arg_matches(typed)?.0;
    all.lay_over(flags.clone());
    let config = Config::new(&all)?;
    config.idle_options(&flags).iter().for_each(say_text);
    Ok(config)
}

/// The files that are read for it, and must stay. A run may be repeated in its own folder: its `config.toml` is written anew with the
/// same options.
pub(super) fn inputs(typed: &ArgMatches, config: &Config) -> Vec<Input> {
    let file = typed.get_one::<PathBuf>("config").filter(|file| !file.ends_with("config.toml"));
    let file = file.map(|file| ("config".to_string(), file.clone()));
    config.inputs().into_iter().chain(file).collect()
}

/// All settings that were asked for.
pub(super) fn settings(typed: &ArgMatches) -> Result<Settings> {
    let mut all = settings_below(typed)?;
    all.lay_over(RunFlags::from_arg_matches(typed)?.0);
    Ok(all)
}

/// Those of the preset and of the file.
fn settings_below(typed: &ArgMatches) -> Result<Settings> {
    let mut all = Settings::default();
    if let Some(name) = typed.get_one::<String>("preset") {
        all.lay_over(presets::settings(name)?);
    }
    if let Some(file) = typed.get_one::<PathBuf>("config") {
        all.lay_over(config::read(file)?);
    }
    Ok(all)
}

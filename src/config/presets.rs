//! Settings of published experiments: readable TOML files of `presets/`, embedded.

use super::Settings;
use crate::error::{Error, Result};

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../presets/", $name, ".toml")))),*]
    };
}

/// Name and text of every preset.
const PRESETS: &[(&str, &str)] = presets![
    "patchtst-etth1",
    "patchtst-etth2",
    "patchtst-ettm1",
    "patchtst-weather",
    "patchtst-ili",
    "authors-rnn",
    "authors-lstm",
    "authors-patchtst",
];

/// A preset's settings.
///
/// # Errors
/// Lists the names, where there is none like it.
pub fn settings(name: &str) -> Result<Settings> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
        Error::config(
            "preset",
            format!("there is no `{name}`"),
            format!("choose one of {}, or `list`", known.join(", ")),
        )
    })?;
    let place = format!("preset {name}");
    let table =
        text.parse().map_err(|error: toml::de::Error| Error::config("preset", error.message(), place.as_str()))?;
    Settings::from_table(&table).map_err(|error| error.in_file(place))
}

/// A line for each: its name and what it is.
pub fn list() -> String {
    let line = |(name, text): &(&str, &str)| {
        let what = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        format!("{name:<17} {what}\n")
    };
    PRESETS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::models::ModelKind;

    #[test]
    fn every_file_is_a_preset_and_every_preset_a_run() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), PRESETS.len());
        for (name, text) in PRESETS {
            let config = Config::new(&settings(name).unwrap()).unwrap();
            assert_eq!(config.train.model.kind == ModelKind::Patchtst, name.contains("patchtst"), "{name}");
            assert!(text.contains(&format!("--preset {name}")), "{name} does not say how it is used");
            assert!(list().lines().any(|line| line.starts_with(name)));
        }
        assert!(settings("etth1").unwrap_err().to_string().contains("patchtst-etth1"));
    }
}

//! What `microglia experiment` means: options typed here over those of the file, over the preset's.

use std::path::Path;

use anyhow::{Context, Result, bail};
use microglia::config::{read_file, resolve_paths};
use microglia::data::Source;
use microglia::experiment::Study;
use microglia::experiment::options::set_of_data;
use microglia::experiment::preset::{PAPER_DATA, known_keys, preset};
use toml::Value;

use super::args::ExperimentArgs;

/// A study, or what is needed for one.
pub(super) enum Asked {
    Study(Box<Study>),
    NeedsData(&'static str),
}

pub(super) fn study(args: &ExperimentArgs) -> Result<Asked> {
    let word = args.preset.as_deref().unwrap_or("quick");
    let mut study = preset(word)?;
    let mut own_data = false;
    if let Some(file) = &args.config {
        let mut table = read_file(file)?;
        own_data = table.contains_key("data");
        if let Some(Value::Table(sets)) = table.get_mut("data") {
            sets.iter_mut().filter_map(|(_, set)| set.as_table_mut()).for_each(|set| resolve_paths(set, file));
        }
        study = Study::from_table(&study, &table).map_err(|error| error.in_file(file))?;
    }
    for (name, text) in args.grid.0.iter() {
        study.set(name, text)?;
    }
    data(args, &mut study, own_data)?;
    if study.data.is_empty() {
        return Ok(Asked::NeedsData(PAPER_DATA));
    }
    for (name, options) in &mut study.data {
        if word != "quick" {
            *options = options.clone().or(known_keys(name));
        }
        if options.source.is_stdin() {
            bail!("--data {name}=-: a study reads its data again and again\n  help: name a file");
        }
        if let Source::File(path) = &mut options.source {
            *path = std::path::absolute(&path).with_context(|| format!("{}", path.display()))?;
        }
    }
    study.check()?;
    Ok(Asked::Study(Box::new(study)))
}

/// `--data NAME=FILE` and `--set NAME.KEY=VALUE` into the study's data sets.
fn data(args: &ExperimentArgs, study: &mut Study, own_data: bool) -> Result<()> {
    // Data sets that are named take the place of those that the study has anyway, but not of a file's.
    if !args.data.is_empty() && !own_data {
        study.data.clear();
    }
    let mut named: Vec<String> = Vec::new();
    for text in &args.data {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name.to_string(), file),
            None => (Path::new(text).file_stem().unwrap_or_default().to_string_lossy().into_owned(), text.as_str()),
        };
        if named.contains(&name) {
            bail!("--data {text}: `{name}` is named twice\n  help: give each file a name of its own, NAME=FILE");
        }
        study.data.entry(name.clone()).or_default().source = Source::File(file.into());
        named.push(name);
    }
    for text in &args.set {
        let help = "write --set NAME.KEY=VALUE, as in --set sales.target=units";
        let (place, value) = text.split_once('=').with_context(|| format!("--set {text}: no `=`\n  help: {help}"))?;
        let (name, key) = place.split_once('.').with_context(|| format!("--set {text}: no `.`\n  help: {help}"))?;
        let options = study.data.get_mut(name).with_context(|| {
            format!("--set {text}: there is no data set `{name}`\n  help: name it with --data {name}=FILE")
        })?;
        set_of_data(options, name, key, &Value::from(value))?;
    }
    Ok(())
}

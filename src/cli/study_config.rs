//! What `microglia experiment` means: options typed here over those of the file, over the preset's.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use microglia::data::{DataOptions, Source};
use microglia::experiment::Study;
use microglia::experiment::preset::{PAPER_DATA, paper_keys, preset};
use toml::{Table, Value};

use super::config_file;
use super::experiment_args::ExperimentArgs;

/// A study, or what is needed for one.
pub enum Asked {
    Study(Box<Study>),
    NeedsData(&'static str),
}

pub fn study(args: &ExperimentArgs) -> Result<Asked> {
    let word = args.preset.clone().unwrap_or_else(|| "quick".into());
    let base = preset(&word)?;
    let mut table = match &args.config {
        Some(file) => read(file, &base)?,
        None => Table::new(),
    };
    for (key, value) in typed(args)? {
        table.insert(key.into(), value);
    }
    data(args, &base, &mut table)?;
    if base.data.is_empty() && !table.contains_key("data") {
        return Ok(Asked::NeedsData(PAPER_DATA));
    }
    let mut study = Study::from_table(&base, table)?;
    for (name, options) in &mut study.data {
        if word == "paper" {
            let named: DataOptions = paper_keys(name);
            *options = options.clone().or(named);
        }
        if let Source::File(path) = &mut options.source {
            *path = std::path::absolute(&path).with_context(|| format!("{}", path.display()))?;
        }
    }
    study.check()?;
    Ok(Asked::Study(Box::new(study)))
}

/// The file's table, each of its values told with its name if it does not fit; its data files found from its folder.
fn read(file: &Path, base: &Study) -> Result<Table> {
    let place = file.display();
    let mut table = config_file::table(file)?;
    if let Some(Value::Table(sets)) = table.get_mut("data") {
        sets.iter_mut().filter_map(|(_, set)| set.as_table_mut()).for_each(|set| config_file::resolve(set, file));
    }
    Study::from_table(base, table.clone()).with_context(|| format!("{place}"))?;
    Ok(table)
}

/// The options that were typed, by their keys in the file.
fn typed(args: &ExperimentArgs) -> Result<Vec<(&'static str, Value)>> {
    let mut found: Vec<(&'static str, Value)> = Vec::new();
    let words = |text: &str| -> Value { Value::Array(text.split(',').map(|word| Value::from(word.trim())).collect()) };
    let lists = [
        ("models", &args.models),
        ("methods", &args.methods),
        ("instance-norm", &args.instance_norm),
        ("sparsities", &args.sparsities),
        ("schedules", &args.schedules),
    ];
    found.extend(lists.into_iter().filter_map(|(key, text)| Some((key, words(text.as_deref()?)))));
    let numbers = [
        ("lookbacks", &args.lookbacks),
        ("hidden", &args.hidden),
        ("seeds", &args.seeds),
        ("train-rows", &args.train_rows),
    ];
    for (key, text) in numbers {
        if let Some(text) = text {
            found.push((key, whole_numbers(key, text)?));
        }
    }
    let counts = [
        ("horizon", args.horizon),
        ("layers", args.layers),
        ("origins", args.origins),
        ("epochs", args.epochs),
        ("patience", args.patience),
        ("batch", args.batch),
        ("mc-passes", args.mc_passes),
        ("warmup", args.warmup),
        ("prune-every", args.prune_every),
        ("prune-until", args.prune_until),
    ];
    found.extend(counts.into_iter().filter_map(|(key, count)| Some((key, Value::Integer(count?.try_into().ok()?)))));
    let rates = [
        ("lr", args.lr),
        ("dropout", args.dropout),
        ("weight-decay", args.weight_decay),
        ("clip-grad-norm", args.clip_grad_norm),
    ];
    found.extend(rates.into_iter().filter_map(|(key, rate)| Some((key, Value::Float(rate?)))));
    let texts = [("loss", &args.loss), ("lr-schedule", &args.lr_schedule)];
    found.extend(texts.into_iter().filter_map(|(key, text)| Some((key, Value::String(text.clone()?)))));
    if args.authors_protocol {
        found.push(("authors-protocol", Value::Boolean(true)));
    }
    Ok(found)
}

/// `1,3,7` or `1..5`, ends included; of training rows `all` is 0.
fn whole_numbers(key: &str, text: &str) -> Result<Value> {
    let one = |word: &str| -> Result<i64> {
        let word = word.trim();
        if word == "all" && key == "train-rows" {
            return Ok(0);
        }
        let help = if key == "train-rows" { "whole numbers or all" } else { "whole numbers" };
        let number = word.parse::<u32>().map(i64::from);
        number.map_err(|_| anyhow!("--{key}: {word:?} is no whole number\n  help: list {help}, or FIRST..LAST"))
    };
    let mut list = Vec::new();
    for part in text.split(',') {
        match part.split_once("..") {
            Some((first, last)) => {
                let (first, last) = (one(first)?, one(last.trim_start_matches('='))?);
                if last < first || last - first > 100_000 {
                    bail!("--{key}: {part:?} is no range\n  help: write FIRST..LAST, both included");
                }
                list.extend(first..=last);
            }
            None => list.push(one(part)?),
        }
    }
    Ok(Value::Array(list.into_iter().map(Value::Integer).collect()))
}

/// `--data NAME=FILE` and `--set NAME.KEY=VALUE` into the table of data sets.
fn data(args: &ExperimentArgs, base: &Study, table: &mut Table) -> Result<()> {
    if args.data.is_empty() && args.set.is_empty() {
        return Ok(());
    }
    // Keys may be set of the data sets that the study has anyway.
    let plain = || -> Result<Value> {
        let sets = if args.data.is_empty() { Table::try_from(base)?.remove("data") } else { None };
        Ok(sets.unwrap_or_else(|| Value::Table(Table::new())))
    };
    if !table.contains_key("data") {
        table.insert("data".into(), plain()?);
    }
    let Some(Value::Table(sets)) = table.get_mut("data") else {
        bail!("`data` is no table\n  help: write [data.NAME] and the set's keys below")
    };
    let mut named: Vec<String> = Vec::new();
    for text in &args.data {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name.to_string(), file),
            None => (Path::new(text).file_stem().unwrap_or_default().to_string_lossy().into_owned(), text.as_str()),
        };
        if named.contains(&name) {
            bail!("--data {text}: `{name}` is named twice\n  help: give each file a name of its own, NAME=FILE");
        }
        let set = sets.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(set) = set {
            set.insert("data".into(), Value::from(file));
        }
        named.push(name);
    }
    for text in &args.set {
        let help = "write --set NAME.KEY=VALUE, as in --set sales.target=units";
        let (place, value) = text.split_once('=').with_context(|| format!("--set {text}: no `=`\n  help: {help}"))?;
        let (name, key) = place.split_once('.').with_context(|| format!("--set {text}: no `.`\n  help: {help}"))?;
        let set = sets.get_mut(name).with_context(|| {
            format!("--set {text}: there is no data set `{name}`\n  help: name it with --data {name}=FILE")
        })?;
        let value = match value.parse::<i64>() {
            Ok(number) if ["season", "lookback", "horizon", "train-rows"].contains(&key) => Value::Integer(number),
            _ => Value::from(value),
        };
        if let Value::Table(set) = set {
            set.insert(key.into(), value);
        }
    }
    Ok(())
}

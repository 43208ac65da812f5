//! What `microglia experiment` means: options typed here over those of the file, over the preset's.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use microglia::data::DataOptions;
use microglia::experiment::Study;
use microglia::experiment::preset::{PAPER_DATA, paper_keys, preset};
use toml::{Table, Value};

use super::experiment_args::ExperimentArgs;

/// A study, or what is needed for one.
pub enum Asked {
    Study(Box<Study>),
    NeedsData(&'static str),
}

pub fn study(args: &ExperimentArgs) -> Result<Asked> {
    let mut table = match &args.config {
        Some(file) => read(file)?,
        None => Table::new(),
    };
    let word = args.preset.clone().unwrap_or_else(|| "quick".into());
    for (key, value) in typed(args)? {
        table.insert(key.into(), value);
    }
    data(args, &mut table)?;
    let base = preset(&word)?;
    if base.data.is_empty() && !table.contains_key("data") {
        return Ok(Asked::NeedsData(PAPER_DATA));
    }
    let mut study = Study::from_table(&base, table)?;
    for (name, options) in &mut study.data {
        if word == "paper" {
            let named: DataOptions = paper_keys(name);
            *options = options.clone().or(named);
        }
        if let microglia::data::Source::File(path) = &mut options.source {
            *path = std::path::absolute(&path).with_context(|| format!("{}", path.display()))?;
        }
    }
    Ok(Asked::Study(Box::new(study)))
}

fn read(file: &Path) -> Result<Table> {
    let place = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{place}"))?;
    text.parse().map_err(|e| anyhow!("{place}: not TOML\n{e}"))
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

/// `1,3,7` or `1..5`, ends included; `all` is 0.
fn whole_numbers(key: &str, text: &str) -> Result<Value> {
    let one = |word: &str| -> Result<i64> {
        let word = word.trim();
        if word == "all" {
            return Ok(0);
        }
        word.parse::<u32>().map(i64::from).map_err(|_| anyhow!("--{key}: {word:?} is no whole number"))
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
fn data(args: &ExperimentArgs, table: &mut Table) -> Result<()> {
    if args.data.is_empty() && args.set.is_empty() {
        return Ok(());
    }
    let sets = table.entry("data").or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(sets) = sets else {
        bail!("`data` is no table\n  help: write [data.NAME] and the set's keys below")
    };
    for text in &args.data {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name.to_string(), file),
            None => (Path::new(text).file_stem().unwrap_or_default().to_string_lossy().into_owned(), text.as_str()),
        };
        if name.is_empty() || name.contains(['/', '\\', '.', ' ']) {
            bail!("--data {text}: {name:?} cannot name a data set\n  help: write NAME=FILE with a plain NAME");
        }
        let set = sets.entry(name).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(set) = set {
            set.insert("data".into(), Value::from(file));
        }
    }
    for text in &args.set {
        let help = "write --set NAME.KEY=VALUE, as in --set sales.target=units";
        let (place, value) = text.split_once('=').with_context(|| format!("--set {text}: no `=`\n  help: {help}"))?;
        let (name, key) = place.split_once('.').with_context(|| format!("--set {text}: no `.`\n  help: {help}"))?;
        let set = sets.get_mut(name).with_context(|| {
            format!("--set {text}: there is no data set `{name}`\n  help: name it with --data {name}=FILE")
        })?;
        let value = match value.parse::<i64>() {
            Ok(number) if key == "season" => Value::Integer(number),
            _ => Value::from(value),
        };
        if let Value::Table(set) = set {
            set.insert(key.into(), value);
        }
    }
    Ok(())
}

//! The TOML file of a run: read as if its keys had been typed, written with every key that makes the run what it is.

use std::error::Error;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use microglia::data::options::{Covariates, Source, delimiter_word, list};
use microglia::files;
use microglia::kernels::tuning::Tuning;
use microglia::models::ModelKind;
use toml::Value;

use super::args::TrainArgs;
use super::config::Config;
use super::escapes;

/// A TOML file's table.
pub fn table(file: &Path) -> Result<toml::Table> {
    let (place, help) = (file.display(), "--config takes a TOML file, as a run's config.toml");
    let text = files::read_text(file, help)?;
    let table = text.parse().map_err(|e: toml::de::Error| {
        let help = if escapes::is_near(&text, &e) { escapes::HELP } else { help };
        anyhow!("{place}: not TOML\n{e}  help: {help}")
    })?;
    escapes::check(&text, folder_of(file)).with_context(|| format!("{place}"))?;
    Ok(table)
}

/// Keys that name a file to read, and the word of each that names none.
pub const READ: [(&str, &str); 2] = [("data", "embedded"), ("init", "none")];

/// Where the files that a configuration names are found from.
fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Finds the files that a configuration names from its own folder, wherever the program was started.
pub fn resolve(table: &mut toml::Table, file: &Path) {
    let folder = folder_of(file);
    for (key, word) in READ {
        if let Some(Value::String(text)) = table.get_mut(key).filter(|value| value.as_str() != Some(word)) {
            *text = folder.join(&*text).display().to_string();
        }
    }
}

/// The file's options, as if typed.
pub fn read(file: &Path) -> Result<ArgMatches> {
    let place = file.display();
    let mut table = table(file)?;
    resolve(&mut table, file);
    let options = parse(&table).with_context(|| format!("{place}"))?;
    // So that what the library refuses in the file is told with its name too.
    Config::from_args(TrainArgs::from_arg_matches(&options)?).with_context(|| format!("{place}"))?;
    Ok(options)
}

/// Keys and values as if typed.
pub fn parse(table: &toml::Table) -> Result<ArgMatches> {
    let command = TrainArgs::augment_args(Command::new("train").no_binary_name(true).disable_help_flag(true));
    let mut tokens = Vec::new();
    for (key, value) in table {
        check_key(&command, key)?;
        let token = format!("--{key}={}", typed(key, value)?);
        if let Err(e) = command.clone().try_get_matches_from([&token]) {
            bail!("`{key} = {value}`: {}", expected(&e));
        }
        tokens.push(token);
    }
    command.try_get_matches_from(tokens).map_err(|e| anyhow!("{}", message(&e.to_string())))
}

fn check_key(command: &Command, key: &str) -> Result<()> {
    if key == "config" {
        bail!("`config` cannot stand in a configuration file\n  help: name the one file with --config");
    }
    if key == "resume" {
        bail!("`resume` cannot stand in a configuration file\n  help: name the run folder with --resume");
    }
    if key == "preset" {
        bail!("`preset` cannot stand in a configuration file\n  help: name it with --preset, beside --config");
    }
    let known: Vec<&str> =
        command.get_arguments().filter_map(|arg| arg.get_long_and_visible_aliases()).flatten().collect();
    let is_alias = command.get_arguments().any(|arg| arg.get_all_aliases().is_some_and(|list| list.contains(&key)));
    if known.contains(&key) || is_alias {
        return Ok(());
    }
    let dashed = key.replace('_', "-");
    let similarity = |name: &str| strsim::jaro_winkler(&dashed, name);
    // Measured in the square of its length.
    let nearest =
        known.into_iter().filter(|_| dashed.len() < 100).max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest.filter(|name| similarity(name) > 0.7) {
        Some(name) => bail!("unknown key `{key}`\n  help: did you mean `{name}`?"),
        None => {
            bail!("unknown key `{key}`\n  help: the keys are the options of `microglia train --help`, without dashes")
        }
    }
}

/// The value as it would be typed.
fn typed(key: &str, value: &Value) -> Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let parts: Vec<String> = values.iter().map(|value| typed(key, value)).collect::<Result<_>>()?;
            list(&parts)
        }
        Value::Table(table) if key == TUNING => table.to_string(),
        Value::Table(_) => bail!("`[{key}]` is a table\n  help: write every key at the top level, as `key = value`"),
        other => other.to_string(),
    })
}

/// The one table that a file may hold.
const TUNING: &str = "tuning";

/// What stands in that table.
pub fn tuning(text: &str) -> Result<Tuning> {
    toml::from_str(text).map_err(|error| {
        anyhow!("[tuning]: {}\n  help: let --autotune write the table, or remove it", error.message().trim_end())
    })
}

/// What clap would have taken for a value.
fn expected(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(ContextValue::Strings(words))) => format!("give one of {}", words.join(", ")),
        _ => message(&error.to_string()).to_string(),
    }
}

/// What clap says, without its own frame.
fn message(text: &str) -> &str {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].trim_end()
}

/// The run as TOML: every option of `microglia train` but where its results go. Paths are made absolute, so that the
/// file works from anywhere.
pub fn write(config: &Config) -> String {
    let mut text = String::from("# Repeats this run: microglia train --config <this file>\n");
    for (heading, entries) in entries(config) {
        text += &format!("\n# {heading}\n");
        for (key, value) in entries {
            text += &format!("{key} = {value}\n");
        }
    }
    if let Some(tuning) = &config.tuning {
        text += &format!("\n# Chosen by --autotune\n[{TUNING}]\n");
        text += &format!("adapter = {}\nproducts = [\n", word(&tuning.adapter));
        for tuned in &tuning.products {
            let entries = toml::to_string(tuned).expect("numbers and words are TOML");
            text += &format!("    {{ {} }},\n", entries.trim_end().replace('\n', ", "));
        }
        text += "]\n";
    }
    text
}

type Entries = Vec<(&'static str, Value)>;

fn entries(config: &Config) -> [(&'static str, Entries); 6] {
    let train = &config.train;
    let pruning = &train.pruning;
    [
        ("Data", data_entries(config)),
        ("Model", model_entries(config)),
        (
            "Training",
            vec![
                ("batch", number(train.batch)),
                ("epochs", number(train.epochs)),
                ("patience", number(train.patience)),
                ("lr", Value::Float(train.lr)),
                ("lr-schedule", word(train.lr_schedule)),
                ("pct-start", Value::Float(train.pct_start)),
                ("clip-grad-norm", or(train.clip_grad_norm, Value::Float, "none")),
                ("loss", word(train.loss)),
                ("seed", Value::Integer(train.seed.into())),
                ("replicas", number(train.replicas)),
                ("regularizer", word(&train.regularizers)),
                ("dropout", Value::Float(train.dropout)),
                ("mc-passes", number(train.mc_passes)),
                ("weight-decay", Value::Float(train.weight_decay)),
                ("select", word(train.select)),
                ("no-shuffle", Value::Boolean(!train.shuffle)),
                ("max-steps", or(train.max_steps, |n| Value::Integer(n.try_into().unwrap_or(i64::MAX)), "none")),
            ],
        ),
        (
            "Pruning",
            vec![
                ("sparsity", word(pruning.sparsity)),
                ("schedule", word(pruning.schedule)),
                ("warmup", or(pruning.warmup, number, "auto")),
                ("prune-every", number(pruning.every)),
                ("prune-until", or(pruning.until, number, "auto")),
            ],
        ),
        ("Device", vec![("device", word(&config.device)), ("threads", or(config.threads, number, "auto"))]),
        (
            "Checkpoints",
            vec![
                ("checkpoint-every", word(config.checkpoint_every)),
                ("keep-checkpoints", number(config.keep_checkpoints)),
            ],
        ),
    ]
}

/// Those that the model reads.
fn model_entries(config: &Config) -> Entries {
    let model = &config.train.model;
    let mut entries = vec![("model", word(model.kind))];
    if model.kind == ModelKind::Patchtst {
        let p = &model.patchtst;
        entries.extend([
            ("patchtst-variant", word(p.variant)),
            ("patch", or(p.patch, number, "auto")),
            ("stride", or(p.stride, number, "auto")),
            ("d-model", number(p.d_model)),
            ("heads", number(p.heads)),
            ("ff", number(p.ff)),
            ("norm", word(p.norm)),
            ("norm-position", word(p.norm_position)),
            ("ff-activation", word(p.ff_activation)),
            ("positions", word(p.positions)),
            ("pool", word(p.pool)),
            ("attention-dropout", Value::Float(p.attention_dropout)),
            ("head-dropout", Value::Float(p.head_dropout)),
            ("revin-affine", word(if p.revin_affine { "on" } else { "off" })),
        ]);
    } else {
        entries.extend([("hidden", number(model.hidden)), ("activation", word(model.activation))]);
    }
    entries.extend([
        ("layers", number(model.layers)),
        ("instance-norm", or(model.instance_norm, word, "none")),
        ("init", or(config.train.init.as_deref(), path, "none")),
    ]);
    entries
}

fn data_entries(config: &Config) -> Entries {
    let data = config.data.clone();
    let source = match &data.source {
        Source::Embedded => word("embedded"),
        Source::File(file) => path(file),
    };
    let covariates = |covariates| match covariates {
        Covariates::Names(names) => strings(names),
        other => word(other),
    };
    vec![
        ("data", source),
        ("time-column", or(data.time_column, word, "auto")),
        ("time-format", or(data.time_format, word, "auto")),
        ("id-column", or(data.id_column, word, "auto")),
        ("target", or(data.targets, strings, "auto")),
        ("covariates", or(data.covariates, covariates, "none")),
        ("lookback", or(data.lookback, number, "auto")),
        ("horizon", or(data.horizon, number, "auto")),
        ("season", or(data.season, number, "auto")),
        ("calendar", or(data.calendar, |on| word(if on { "on" } else { "off" }), "on")),
        ("split", word(data.split.unwrap_or_default())),
        ("calibration", or(data.calibration, Value::Float, "none")),
        ("scale", word(data.scale.unwrap_or_default())),
        ("impute", word(data.impute.unwrap_or_default())),
        ("missing-values", strings(data.missing_values.unwrap_or_default())),
        ("gaps", word(data.gaps.unwrap_or_default())),
        ("delimiter", or(data.delimiter, |c| word(delimiter_word(c)), "auto")),
        ("decimal", or(data.decimal, word, "auto")),
    ]
}

fn word(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn number(value: usize) -> Value {
    Value::Integer(value.try_into().unwrap_or(i64::MAX))
}

fn strings(names: Vec<String>) -> Value {
    Value::Array(names.into_iter().map(Value::String).collect())
}

fn path(path: &Path) -> Value {
    word(std::path::absolute(path).as_deref().unwrap_or(path).display())
}

fn or<T>(value: Option<T>, write: impl Fn(T) -> Value, unset: &str) -> Value {
    value.map_or_else(|| word(unset), write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Options that say where results go, not what is run: read from a file, never written into one.
    /// `tuning` is a table of its own.
    const NOT_OF_THE_RUN: [&str; 8] = ["out", "overwrite", "json", "preset", "config", "resume", "autotune", TUNING];

    fn read_text(text: &str) -> Result<Config> {
        Config::from_args(TrainArgs::from_arg_matches(&parse(&text.parse::<toml::Table>()?)?)?)
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", read_text(text).unwrap_err())
    }

    #[test]
    fn a_written_file_holds_every_option_of_the_run() {
        let command = TrainArgs::augment_args(Command::new("train"));
        let options: BTreeSet<&str> = command
            .get_arguments()
            .filter_map(|arg| arg.get_long())
            .filter(|name| !NOT_OF_THE_RUN.contains(name))
            .collect();
        let runs = ["", "model = 'patchtst'"].map(|text| read_text(text).unwrap());
        let written: BTreeSet<&str> =
            runs.iter().flat_map(entries).flat_map(|(_, list)| list).map(|(key, _)| key).collect();
        assert_eq!(options, written);
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_run() {
        let first = read_text(
            "data = 'a.csv'\ntarget = ['Temp, °C', 'say \"b\"']\ncovariates = ['x']\nlookback = 9\nmissing-values = [-200, '?']
             calendar = false\ndelimiter = 'tab'\nsplit = [10, 20, 30]\nhidden = 5\nlr = 1e-2\nclip-grad-norm = 0.5
             regularizer = 'pruning,dropout'\nsparsity = '0.1..0.9'\nwarmup = 1\nno-shuffle = true\nmax-steps = 7
             instance-norm = 'none'\ninit = 'w.safetensors'\ndevice = 'cpu'\nthreads = 3",
        )
        .unwrap();
        assert_eq!(first.data.targets.as_deref(), Some(["Temp, °C".to_string(), "say \"b\"".into()].as_slice()));
        let second = read_text(&write(&first)).unwrap();
        assert_eq!(write(&second), write(&first));
        assert_eq!(second.data.calendar, Some(false));
        assert_eq!(second.train.clip_grad_norm, Some(0.5));
        assert_eq!(second.data.missing_values.as_deref(), Some(["-200".to_string(), "?".into()].as_slice()));
    }

    #[test]
    fn a_patchtst_reads_back_as_the_same_run() {
        let text =
            "model = 'patchtst'\npatchtst-variant = 'hf'\npatch = 12\nd-model = 32\nhead-dropout = 0.1\npool = 'mean'";
        let first = read_text(text).unwrap();
        assert_eq!(first.train.model.patchtst.patch, Some(12));
        assert_eq!((first.train.model.layers, first.data.calendar), (3, Some(false)));
        assert_eq!(read_text(&write(&first)).unwrap().train, first.train);
        let authors = read_text("model = 'patchtst'\npatchtst-variant = 'authors'").unwrap();
        assert_eq!((authors.train.model.layers, authors.train.model.patchtst.d_model), (2, 64));
        assert_eq!((authors.train.model.instance_norm, authors.data.calendar), (None, None));
        assert_eq!((first.data.covariates, authors.data.covariates), (Some(Covariates::None), None));
    }

    #[test]
    fn a_tuning_table_reads_back_as_it_was() {
        let table = "[tuning]\nadapter = 'a \"b\" c'\nproducts = [
             { op = 'linear_forward', rows = 6, inputs = 3, outputs = 4, variant = '64x64' },
             { op = 'linear_backward_weight', rows = 6, inputs = 3, beside = 4, outputs = 4, variant = '64x32', splits = 2 },
             ]";
        let first = read_text(table).unwrap();
        assert_eq!(first.tuning.as_ref().unwrap().products[1].splits, Some(2));
        assert_eq!(read_text(&write(&first)).unwrap().tuning, first.tuning);
        assert!(!write(&read_text("").unwrap()).contains("tuning"));
        assert!(
            refusal(&table.replace("64x64", "63x63")).contains("[tuning]"),
            "{}",
            refusal(&table.replace("64x64", "63x63"))
        );
        assert!(refusal(&table.replace("rows", "rose")).contains("[tuning]"));
    }

    #[test]
    fn refusals_name_the_key_and_the_nearest_one() {
        assert!(refusal("hiden = 3").contains("did you mean `hidden`?"));
        assert!(refusal("prune_every = 3").contains("did you mean `prune-every`?"));
        assert_eq!(refusal("hidden = 2000"), "`hidden = 2000`: give a whole number from 1 to 1024");
        assert_eq!(refusal("hidden = 'x'"), "`hidden = \"x\"`: give a whole number from 1 to 1024");
        assert_eq!(refusal("lookback = 0.5"), "`lookback = 0.5`: give a whole number, 1 or more, or auto");
        assert_eq!(refusal("model = 'gru'"), "`model = \"gru\"`: give one of rnn, lstm, patchtst");
        assert_eq!(refusal("no-shuffle = 1"), "`no-shuffle = 1`: give one of true, false");
        assert_eq!(refusal("calendar = 'yes'"), "`calendar = \"yes\"`: give one of on, off");
        assert!(refusal("h = 1\nhorizon = 2").contains("--horizon"));
        assert!(refusal("[model]\nhidden = 3").contains("top level"));
        assert!(refusal("regularizer = 'prune'").contains("pruning"));
        assert!(refusal("sparsity = '0.9..0.3'").contains("MIN..MAX"));
    }

    #[test]
    fn lists_are_arrays_or_texts() {
        let config = |text: &str| read_text(text).unwrap();
        for regularizer in ["'none'", "['none']", "'pruning,l2'", "['pruning', 'l2']"] {
            let regularizers = config(&format!("regularizer = {regularizer}")).train.regularizers;
            assert_eq!(regularizers.0.len(), if regularizer.contains("l2") { 2 } else { 0 });
        }
        let times = "2024-01-01 12:00,2024-02-01 12:00";
        let array = format!("split = ['{}']", times.replace(',', "', '"));
        assert_eq!(config(&array).data, config(&format!("split = '{times}'")).data);
        assert!(refusal("regularizer = ''").contains("regularizer"));
    }

    /// The files that the fuzz target keeps, and those with a value, a key or a byte changed: refused, or the same run again.
    #[test]
    fn random_files_are_refused_or_read_back_as_the_same_run() {
        use proptest::prelude::*;
        use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/config");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<String> = files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
        let holds = |text: &str| {
            if let Ok(first) = read_text(text) {
                let written = write(&first);
                assert_eq!(write(&read_text(&written).unwrap()), written);
            }
        };
        texts.iter().for_each(|text| holds(text));
        let values =
            ["-1", "0", "1e308", "nan", "99999999999", "''", "'auto'", "'none'", "'all'", "[]", "[[1]]", "{}", "true"];
        let change = (0.0..1.0, proptest::sample::select(values.to_vec()), any::<char>(), 0..3u8);
        let cases = (proptest::sample::select(texts), proptest::collection::vec(change, 1..4));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner =
            TestRunner::new_with_rng(Cases { cases: 200, failure_persistence: None, ..Cases::default() }, rng);
        let run = |(text, changes): (String, Vec<(f64, &str, char, u8)>)| {
            let mut lines: Vec<String> =
                text.lines().filter(|line| !line.starts_with("init")).map(String::from).collect();
            for (place, value, letter, how) in changes {
                let at = (place * lines.len() as f64) as usize;
                let Some(line) = lines.get_mut(at) else { continue };
                match how {
                    0 => *line = line.replacen(|c: char| c.is_alphanumeric(), &letter.to_string(), 1),
                    _ => *line = line.split_once('=').map_or(line.clone(), |(key, _)| format!("{key}= {value}")),
                }
            }
            holds(&lines.join("\n"));
            Ok(())
        };
        runner.run(&cases, run).unwrap();
    }

    #[test]
    fn aliases_work_in_files() {
        let config = read_text("input-size = 8\nmax-epochs = 2\nh = 3").unwrap();
        assert_eq!((config.data.lookback, config.train.epochs, config.data.horizon), (Some(8), 2, Some(3)));
    }
}

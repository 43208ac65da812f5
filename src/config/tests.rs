//! What files, flags and the library say of the same options.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::*;
use crate::data::Source;
use crate::data::options::{Origin, Split};
use crate::error::{Notation, Text};

/// Options that say where results go, not what is run: read from a file, never written into one.
const NOT_OF_THE_RUN: [&str; 5] = ["out", "overwrite", "json", "autotune", "tuning"];

fn read_text(text: &str) -> Result<Config, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    Settings::from_table(&table).and_then(|settings| Config::new(&settings)).map_err(|error| error.to_string())
}

fn rejection(text: &str) -> String {
    read_text(text).unwrap_err()
}

#[test]
fn a_written_file_holds_every_option_of_the_run() {
    let names = options().map(|one| one.spec.name);
    let all: BTreeSet<&str> = names.filter(|name| !NOT_OF_THE_RUN.contains(name)).collect();
    let mut written = BTreeSet::new();
    // Parts are cut by a split, or by sizes.
    let models = ["", "model = 'patchtst'", "model = 'dlinear'", "test-size = 3", "future-calendar = true"];
    let runs = models.map(|text| read_text(text).unwrap().to_toml().parse::<Table>().unwrap());
    runs.iter().for_each(|table| written.extend(table.keys().map(String::as_str)));
    assert_eq!(all, written);
}

/// Texts that an option takes.
fn examples(spec: &Spec) -> Vec<String> {
    let mut texts: Vec<String> = match (spec.name, spec.kind) {
        ("split", _) => vec!["0.5,0.3,0.2".into(), "10,20,30".into()],
        // 0 takes another option: it says how long to train.
        ("val-size", _) => vec!["3".into(), "12".into()],
        ("bounds", _) => vec!["0..".into(), "-1..2.5".into()],
        ("loss", _) => vec!["huber:0.5".into(), "quantile".into(), "student-t".into()],
        ("levels", _) => vec!["25,50,75".into()],
        ("sparsity", _) => vec!["0.1..0.9".into()],
        ("checkpoint-every", _) => vec!["500".into(), "60s".into(), "none".into()],
        ("compact-every", _) => vec!["3".into(), "auto".into(), "none".into()],
        ("regularizer", _) => vec!["dropout".into(), "pruning,l2".into()],
        ("freq", _) => vec!["BME".into(), "Mon-Sat".into()],
        ("delimiter", _) => vec![";".into(), "tab".into()],
        ("decimal", _) => vec![",".into()],
        ("thousands", _) => vec![".".into(), "space".into()],
        (_, Kind::Words(words)) => words.iter().map(|word| word.to_string()).collect(),
        (_, Kind::Switch) => vec!["on".into(), "off".into()],
        (_, Kind::Flag) => vec!["true".into(), "false".into()],
        (_, Kind::Whole(least, most)) => vec![least.to_string(), (least + 2).min(most).to_string()],
        (_, Kind::Number(_)) => vec!["0.25".into(), "0.75".into()],
        (_, Kind::Several(words)) => vec![words.join(","), words[0].into()],
        (_, Kind::List) => vec!["a,b".into()],
        (_, Kind::Table) => vec!["adapter = \"a\"\nproducts = []".into()],
        (_, Kind::Text | Kind::File | Kind::Place | Kind::Wholes(..)) => vec!["word".into()],
    };
    texts.extend(spec.unset.map(|(word, _)| word.to_string()));
    texts
}

/// A text as the TOML value that a person would write.
fn toml_of(spec: &Spec, text: &str) -> Value {
    match spec.kind {
        Kind::Whole(..) => text.parse().map_or(Value::from(text), Value::Integer),
        Kind::Number(_) => text.parse().map_or(Value::from(text), Value::Float),
        Kind::Flag => Value::Boolean(text == "true"),
        Kind::Table => Value::Table(text.parse().unwrap()),
        _ => Value::from(text),
    }
}

#[test]
fn text_toml_and_the_library_say_the_same_of_every_option() {
    for one in options() {
        let spec = &one.spec;
        for text in examples(spec) {
            let mut typed = Settings::default();
            typed.set(spec.name, &text).unwrap();
            let table = Table::from_iter([(spec.name.to_string(), toml_of(spec, &text))]);
            let read = Settings::from_table(&table).unwrap();
            let mut set = Config::default();
            one.set(&mut set, &text).unwrap();
            let value = one.get(&set);
            for (way, settings) in [("text", &typed), ("TOML", &read)] {
                assert_eq!(settings.get(spec.name).map(str::trim), Some(text.as_str()), "{} by {way}", spec.name);
                let config = Config::new(settings).unwrap();
                assert_eq!(one.get(&config), value, "{} = {text} by {way}", spec.name);
            }
            // What is written is read as the same value.
            if let Some(written) = value.clone().filter(|_| spec.kind != Kind::Table) {
                let table = Table::from_iter([(spec.name.to_string(), written)]);
                let again = Config::new(&Settings::from_table(&table).unwrap()).unwrap();
                assert_eq!(one.get(&again), value, "{}", spec.name);
            }
            for alias in spec.names().skip(1) {
                let mut settings = Settings::default();
                settings.set(alias, &text).unwrap();
                assert_eq!(settings, typed, "{alias}");
            }
        }
        assert!(!spec.help.is_empty() && !spec.help.ends_with('.'), "{}", spec.name);
    }
}

#[test]
fn no_validation_rows_need_a_length_of_training_and_sizes_replace_a_split() {
    assert!(rejection("val-size = 0").contains("`epochs` or `max-steps`"));
    for length in ["epochs = 2", "max-steps = 9", "model = 'ridge'"] {
        assert_eq!(read_text(&format!("val-size = 0\n{length}")).unwrap().data.val_size, Some(0));
    }
    let settings = |text: &str| Settings::from_table(&text.parse().unwrap()).unwrap();
    let mut file = settings("split = '0.6,0.2,0.2'");
    file.lay_over(settings("test-size = 3"));
    assert_eq!((file.has("split"), file.get("test-size")), (false, Some("3")));
    file.lay_over(settings("split = '0.5,0.2,0.3'"));
    assert_eq!((file.get("split"), file.has("test-size")), (Some("0.5,0.2,0.3"), false));
}

#[test]
fn every_name_is_one_option_s() {
    let mut names = BTreeSet::new();
    for spec in options().map(|one| &one.spec) {
        for name in spec.names() {
            assert!(names.insert(name), "{name} is two options'");
        }
    }
}

#[test]
fn options_structs_read_and_write_as_tables() {
    let data: DataOptions = toml::from_str("target = ['a, b', 'c']\nsplit = [10, 20, 30]\ncalendar = false").unwrap();
    assert_eq!((data.split.clone(), data.calendar), (Some(Split::Rows([10, 20, 30])), Some(false)));
    let again: DataOptions = toml::from_str(&toml::to_string(&data).unwrap()).unwrap();
    assert_eq!(again, data);
    let json: DataOptions = serde_json::from_str(&serde_json::to_string(&data).unwrap()).unwrap();
    assert_eq!(json, data);
    // What studies set, and paths as they are named.
    let of_a_study = DataOptions {
        source: Source::File("sales.csv".into()),
        split: Some(Split::Rows([1, 2, 3])),
        train_rows: Some(50),
        origin: Some(Origin { number: 2, of: 3 }),
        authors_protocol: Some(true),
        backtest: Some(0),
        ..DataOptions::default()
    };
    let again: DataOptions = serde_json::from_str(&serde_json::to_string(&of_a_study).unwrap()).unwrap();
    assert_eq!(again, of_a_study);
    let started = TrainOptions { init: Some("no/such.safetensors".into()), ..TrainOptions::default() };
    let again: TrainOptions = serde_json::from_str(&serde_json::to_string(&started).unwrap()).unwrap();
    assert_eq!(again, started);
    for text in
        ["", "model = 'patchtst'\npatchtst-variant = 'authors'\nheads = 2", "instance-norm = 'none'\nwarmup = 3"]
    {
        let train: TrainOptions = toml::from_str(text).unwrap();
        assert_eq!(toml::from_str::<TrainOptions>(&toml::to_string(&train).unwrap()).unwrap(), train);
    }
    let foreign = toml::from_str::<TrainOptions>("lookback = 3").unwrap_err().to_string();
    assert!(foreign.contains("lookback"), "{foreign}");
}

#[test]
fn the_schema_knows_every_key() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    for spec in options().map(|one| &one.spec) {
        assert!(
            properties[spec.name]["description"]
                .as_str()
                .unwrap()
                .starts_with(&Text::from(spec.help).to(Notation::Keys))
        );
        assert!(spec.names().all(|name| properties.contains_key(name)));
    }
    assert_eq!(properties["hidden"]["maximum"], 1024);
    assert_eq!(properties["model"]["enum"], serde_json::json!(ModelKind::WORDS));
    assert_eq!(properties["lookback"]["anyOf"][1]["const"], "auto");
}

#[test]
fn the_guide_has_every_option_and_the_table_of_names() {
    let guide = include_str!("../../docs/GUIDE.md");
    assert!(guide.contains(&names_table()), "docs/GUIDE.md needs this table:\n{}", names_table());
    for spec in options().map(|one| &one.spec).filter(|spec| !spec.hidden) {
        let flag = format!("`--{}", spec.name);
        let mut rows = guide.lines().filter(|line| line.starts_with('|'));
        let row = |line: &str| {
            let mut after = line.split(flag.as_str()).skip(1).filter_map(|rest| rest.chars().next());
            after.any(|next| !next.is_alphanumeric() && next != '-')
        };
        assert!(rows.any(row), "docs/GUIDE.md has no row of --{}", spec.name);
    }
}

#[test]
fn defaults_are_told_by_model() {
    let words = |name: &str| default_words(option(name).unwrap());
    assert_eq!(words("layers"), "1; patchtst 3; patchtst authors 2");
    assert_eq!(words("d-model"), "128; authors 64");
    assert_eq!(words("instance-norm"), "last; patchtst mean-std; patchtst authors none; dlinear none");
    assert_eq!((words("model"), words("warmup"), words("head-dropout")), ("lstm".into(), "auto: 2".into(), "0".into()));
    assert_eq!(words("no-shuffle"), "");
}

#[test]
fn what_may_change_at_resume_follows_from_the_options() {
    // A checkpoint holds what the data settled.
    let resolved = |text: &str| {
        let mut config = read_text(text).unwrap();
        config.train.epochs = config.train.epochs.or(Some(20));
        config
    };
    let before: Table = resolved("").to_toml().parse().unwrap();
    let differ = |text: &str| {
        let found = resolved(text).differences(&before);
        found.iter().map(|one| one.to_string()).collect::<Vec<_>>()
    };
    for text in ["", "device = 'cpu'", "threads = 2", "keep-checkpoints = 9", "epochs = 21", "json = true"] {
        assert_eq!(differ(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(differ("hidden = 3"), ["`hidden` was 64, here 3"]);
    assert_eq!(differ("epochs = 19"), ["`epochs` was 20, here 19"]);
    assert_eq!(differ("max-steps = 5"), ["`max-steps` was \"none\", here 5"]);
    let before: Table = resolved("max-steps = 5").to_toml().parse().unwrap();
    let differ = |text: &str| resolved(text).differences(&before).len();
    assert_eq!(["max-steps = 6", "max-steps = 6\nepochs = 30", "max-steps = 4", ""].map(differ), [0, 0, 1, 1]);
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
    let second = read_text(&first.to_toml()).unwrap();
    assert_eq!(second.to_toml(), first.to_toml());
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
    assert_eq!(read_text(&first.to_toml()).unwrap().train, first.train);
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
    assert_eq!(read_text(&first.to_toml()).unwrap().tuning, first.tuning);
    assert!(!read_text("").unwrap().to_toml().contains("tuning"));
    assert!(
        rejection(&table.replace("64x64", "63x63")).contains("`tuning`"),
        "{}",
        rejection(&table.replace("64x64", "63x63"))
    );
    assert!(rejection(&table.replace("rows", "rose")).contains("`tuning`"));
}

#[test]
fn rejections_name_the_key_and_the_nearest_one() {
    assert!(rejection("hiden = 3").contains("did you mean `hidden`?"));
    assert!(rejection("prune_every = 3").contains("did you mean `prune-every`?"));
    assert_eq!(rejection("hidden = 2000"), "`hidden`: 2000 is rejected\n  help: give a whole number from 1 to 1024");
    assert_eq!(rejection("hidden = 'x'"), "`hidden`: \"x\" is rejected\n  help: give a whole number from 1 to 1024");
    assert_eq!(
        rejection("lookback = 0.5"),
        "`lookback`: 0.5 is rejected\n  help: give a whole number from 1 to 1000000000, or auto"
    );
    assert_eq!(
        rejection("model = 'mamba'"),
        format!("`model`: \"mamba\" is rejected\n  help: give one of {}", ModelKind::WORDS.join(", "))
    );
    assert_eq!(rejection("no-shuffle = 1"), "`no-shuffle`: 1 is rejected\n  help: give one of true, false");
    assert_eq!(rejection("calendar = 'yes'"), "`calendar`: \"yes\" is rejected\n  help: give one of on, off");
    assert!(rejection("h = 1\nhorizon = 2").contains("`horizon`: "));
    assert!(rejection("[model]\nhidden = 3").contains("top level"));
    assert!(rejection("regularizer = 'prune'").contains("pruning"));
    assert!(rejection("sparsity = '0.9..0.3'").contains("MIN..MAX"));
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
    assert!(rejection("regularizer = ''").contains("regularizer"));
}

/// The files that the fuzz target keeps, and those with a value, a key or a byte changed: rejected, or the same run again.
#[test]
fn random_files_are_rejected_or_read_back_as_the_same_run() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/config");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    let holds = |text: &str| {
        if let Ok(first) = read_text(text) {
            let written = first.to_toml();
            assert_eq!(read_text(&written).unwrap().to_toml(), written);
        }
    };
    texts.iter().for_each(|text| holds(text));
    let values =
        ["-1", "0", "1e308", "nan", "99999999999", "''", "'auto'", "'none'", "'all'", "[]", "[[1]]", "{}", "true"];
    let change = (0.0..1.0, proptest::sample::select(values.to_vec()), any::<char>(), 0..3u8);
    let cases = (proptest::sample::select(texts), proptest::collection::vec(change, 1..4));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Cases { cases: 200, failure_persistence: None, ..Cases::default() }, rng);
    let run = |(text, changes): (String, Vec<(f64, &str, char, u8)>)| {
        let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with("init")).map(String::from).collect();
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
    assert_eq!((config.data.lookback, config.train.epochs, config.data.horizon), (Some(8), Some(2), Some(3)));
}

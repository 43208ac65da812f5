//! Columns of levels, whose codes a model embeds; columns that are constant per series; series that were never seen.

use std::fmt::Write as _;
use std::path::Path;

use microglia::data::{Column, DataOptions, Dataset, Panel, Scale, TimeKind, TimeSeries, Timestamp};
use microglia::train::Loaded;

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};

const DAYS: usize = 90;
const REGIONS: [&str; 3] = ["north", "south", "west"];
const SIZES: [f64; 3] = [2.0, 5.0, 3.5];

fn date(day: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    (first + chrono::Days::new(day as u64)).format("%Y-%m-%d").to_string()
}

/// Shops whose level is that of their region, and whose days sell by a kind that no pattern of days gives away.
fn sales(shops: std::ops::Range<usize>) -> String {
    let mut text = "unique_id,ds,y,kind,region,size\n".to_string();
    for shop in shops {
        for day in 0..DAYS {
            let kind = microglia::program::rng::draw(9, 1, shop as u32, day as u32) % 3;
            let level = [10, 30, 60][shop % 3];
            let noise = (day * 13 + shop * 5) % 5;
            let y = level + 4 * kind as usize + noise;
            let (region, size) = (REGIONS[shop % 3], SIZES[shop % 3]);
            writeln!(text, "s{shop},{},{y},{},{region},{size}", date(day), ["usual", "sale", "late"][kind as usize])
                .unwrap();
        }
    }
    text
}

const TRAIN: [&str; 14] = [
    "--categorical",
    "region,kind",
    "--static-covariates",
    "region,size",
    "--horizon",
    "2",
    "--lookback",
    "7",
    "--device",
    "cpu",
    "--lr",
    "0.01",
    "--calendar=off",
    "--linear-path=none",
];

fn ok(folder: &Path, words: &[&str]) -> String {
    let output = microglia(folder, words);
    assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
    stderr(&output) + &stdout(&output)
}

fn train(folder: &Path, text: &str, more: &[&str]) -> String {
    std::fs::write(folder.join("sales.csv"), text).unwrap();
    let short = ["--epochs", "8"];
    let length = if more.contains(&"--epochs") { &short[..0] } else { &short };
    let narrow = ["--hidden", "8"];
    let width = if more.contains(&"--model") { &narrow[..0] } else { &narrow };
    let words = [&["train", "--data", "sales.csv"][..], &TRAIN, length, width, more].concat();
    ok(folder, &words)
}

fn hash(folder: &Path, run: &str) -> String {
    summary(&folder.join(run))["weights_sha256"].as_str().unwrap().to_string()
}

/// Trains with `more` options, and says what was printed.
fn goes_on_as_any_other(folder: &Path, text: &str, more: &[&str]) -> String {
    let train = |words: &[&str]| train(folder, text, &[&["--epochs", "8", "--patience", "0"], words, more].concat());
    let sparse = ["--sparsity", "0.3..0.9"];
    let told = train(&[&sparse[..], &["--out", "run"]].concat());
    let loaded = Loaded::open(&folder.join("run")).unwrap();
    let table = loaded.layout.get("embedding.region.weight").unwrap();
    assert_eq!((&table.shape[..], table.prunable), (&[4, 3][..], false));
    assert!(loaded.params[table.range()][..3].iter().all(|word| *word == 0.0), "no row lacks a level");
    let whole = hash(folder, "run");
    train(&[&sparse[..], &["--out", "part", "--max-steps", "33"]].concat());
    ok(folder, &["train", "--resume", "part", "--max-steps", "48"]);
    assert_eq!(hash(folder, "part"), whole);
    train(&[&sparse[..], &["--out", "two", "--replicas", "2"]].concat());
    assert_eq!(hash(folder, "two/replica-0"), whole);
    let forecasts = |checkpoint: &str| -> Vec<f64> {
        let words = ["forecast", "--checkpoint", checkpoint, "--levels", "none", "--data", "sales.csv"];
        let output = microglia(folder, &words);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output).lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    let own = forecasts("run");
    assert_eq!(own.len(), 12);
    for form in ["dense", "sparse", "compact"] {
        let file = format!("{form}.safetensors");
        ok(folder, &["export", "run", "--form", form, "--out", &file]);
        for (found, own) in forecasts(&file).iter().zip(&own) {
            assert!((found - own).abs() < 1e-3, "{form}: {found} beside {own}");
        }
        assert!(ok(folder, &["inspect", &file]).contains("embedding.kind.weight"));
    }
    told
}

/// Of patches, whose rows hold embeddings.
#[test]
fn a_transformer_with_embeddings_goes_on_as_any_other() {
    let place = tempfile::tempdir().unwrap();
    let text = sales(0..6);
    let transformer = [
        "--model",
        "patchtst",
        "--patchtst-variant",
        "authors",
        "--d-model",
        "8",
        "--heads",
        "2",
        "--ff",
        "8",
        "--patch",
        "4",
        "--stride",
        "2",
    ];
    goes_on_as_any_other(place.path(), &text, &transformer);
}

/// Interrupted and resumed, one of several replicas, exported in every form: the same weights and forecasts.
#[test]
fn a_run_with_embeddings_is_resumed_replicated_and_exported_as_any_other() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = sales(0..6);
    let told = goes_on_as_any_other(folder, &text, &[]);
    for line in [
        "categorical `region`: 3 levels in the training rows: `north`, `south`, `west`",
        "categorical `kind`: 3 levels",
        "embeddings: `kind` 3 levels in 3 words, `region` 3 levels in 3 words",
    ] {
        assert!(told.contains(line), "no {line:?} in {told}");
    }
    // Pruned where it is asked for.
    train(
        folder,
        &text,
        &["--out", "pruned", "--sparsity", "0.3..0.5", "--prune-embeddings", "on", "--embedding-width", "5"],
    );
    let pruned = Loaded::open(&folder.join("pruned")).unwrap();
    let table = pruned.layout.get("embedding.kind.weight").unwrap();
    assert_eq!((&table.shape[..], table.prunable), (&[4, 5][..], true));
}

/// A level that training did not see is read as the reserved one and counted, and changes no forecast beside another such level.
#[test]
fn levels_that_are_not_known_are_one_and_counted() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = sales(0..6);
    train(folder, &text, &["--out", "run"]);
    let forecast = |last: &str| -> (String, String) {
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        let cells: Vec<String> = lines[DAYS].split(',').map(String::from).collect();
        lines[DAYS] = format!("{},{},{},{last},{},{}", cells[0], cells[1], cells[2], cells[4], cells[5]);
        std::fs::write(folder.join("new.csv"), lines.join("\n")).unwrap();
        let output = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--data", "new.csv"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        (stderr(&output), stdout(&output))
    };
    let (_, sale) = forecast("sale");
    let (told, strange) = forecast("strange");
    assert!(told.contains("`kind`: 1 level that the model was not trained on, in 1 row"), "{told}");
    let (told, missing) = forecast("");
    assert!(told.contains("`kind`: 1 row without a level"), "{told}");
    assert_eq!(strange, missing);
    assert_ne!(sale, strange);
}

/// What a level of the validation or test rows is changes neither codes nor widths nor a weight.
#[test]
fn levels_after_the_training_rows_change_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = sales(0..3);
    train(folder, &text, &["--out", "run", "--test-size", "10", "--val-size", "10"]);
    let changed: String = text
        .lines()
        .enumerate()
        .map(|(i, line)| match i > 0 && (i - 1) % DAYS >= DAYS - 10 {
            true => line.replace(",usual,", ",other,").replace(",sale,", ",usual,") + "\n",
            false => format!("{line}\n"),
        })
        .collect();
    assert_ne!(changed.trim(), text.trim());
    let told = train(folder, &changed, &["--out", "changed", "--test-size", "10", "--val-size", "10"]);
    assert!(told.contains("`kind`: 1 level that the training rows lack"), "{told}");
    assert_eq!(hash(folder, "changed"), hash(folder, "run"));
}

#[test]
fn what_is_no_category_or_not_constant_is_rejected() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = sales(0..3);
    let run = |text: &str, more: &[&str]| {
        std::fs::write(folder.join("sales.csv"), text).unwrap();
        let words =
            ["train", "--data", "sales.csv", "--device", "cpu", "--epochs", "1", "--lookback", "7", "--out", "r"];
        microglia(folder, &[&words[..], more].concat())
    };
    let moved = text.replacen("north", "south", 1);
    let both = ["--categorical", "region", "--static-covariates", "region"];
    rejected(
        folder,
        &run(&moved, &both),
        &["sales.csv:3", "`region` is `north` here and `south` in line 2", "`s0`", "constant"],
    );
    let moved = text.replacen(",2\n", ",7\n", 1);
    rejected(
        folder,
        &run(&moved, &["--static-covariates", "size"]),
        &["sales.csv:3", "`size` is 2 here and 7 in line 2", "`s0`"],
    );
    rejected(
        folder,
        &run(&text, &["--static-covariates", "region"]),
        &["region", "not a number", "--static-covariates"],
    );
    rejected(folder, &run(&text, &["--categorical", "y"]), &["--categorical", "`y` is a target"]);
    rejected(folder, &run(&text, &["--categorical", "shop"]), &["no column `shop`", "--categorical"]);
    rejected(
        folder,
        &run(&text, &["--categorical", "kind", "--future-covariates", "kind"]),
        &["--categorical", "`kind` is named in --future-covariates too"],
    );
    rejected(
        folder,
        &run(&text, &["--static-covariates", "size", "--covariates", "size"]),
        &["--covariates", "`size` is a static covariate"],
    );
    for (model, name) in [
        (&["--model", "nlinear"][..], "nlinear"),
        (&["--model", "patchtst", "--patchtst-variant", "hf", "--patch", "2"], "the hf PatchTST"),
    ] {
        rejected(folder, &run(&text, &[model, &["--categorical", "kind"]].concat()), &["--categorical", name]);
    }
    let by_channel = ["--model", "patchtst", "--patch", "4", "--static-covariates", "size"];
    rejected(folder, &run(&text, &by_channel), &["--patchtst-variant", "official"]);
    rejected(folder, &run(&text, &["--hold-out-series", "s1"]), &["--hold-out-series", "--scale window"]);
    let held = |ids: &'static str| run(&text, &["--scale", "window", "--hold-out-series", ids]);
    rejected(folder, &held("nobody"), &["--hold-out-series", "`nobody`"]);
    rejected(folder, &held("0.1"), &["--hold-out-series", "none, or all"]);
    rejected(folder, &held("s0,s1,s2"), &["--hold-out-series", "all 3"]);
    let norm = ["--scale", "window", "--instance-norm", "last"];
    rejected(folder, &run(&text, &norm), &["--instance-norm", "--scale window"]);
}

/// Series that were held back are scored apart, beside the baselines; what they hold changes no weight, and new ones are forecast.
#[test]
fn series_that_were_held_back_are_scored_as_new_ones() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let window = ["--scale", "window", "--hold-out-series", "s4,s5"];
    let told = train(folder, &sales(0..6), &[&window[..], &["--out", "run"]].concat());
    for line in ["held back: 2 of 6 series", "held-back series (2 of 6): MAE ", "seasonal naive", "repeat last"] {
        assert!(told.contains(line), "no {line:?} in {told}");
    }
    // Other values of what is held back.
    let own = sales(0..4);
    let other = sales(4..6)
        .replace("south", "east")
        .replacen("unique_id,ds,y,kind,region,size\n", "", 1)
        .replace(",usual,", ",odd,");
    train(folder, &(own + &other), &[&window[..], &["--out", "other"]].concat());
    assert_eq!(hash(folder, "other"), hash(folder, "run"));
    let shares = ["--scale", "global", "--hold-out-series", "0.34"];
    let first = train(folder, &sales(0..6), &[&shares[..], &["--out", "share", "--seed", "1"]].concat());
    let second = train(folder, &sales(0..6), &[&shares[..], &["--out", "again", "--seed", "2"]].concat());
    let names = |told: &str| told.lines().find(|line| line.contains("held back: 2 of 6")).unwrap().to_string();
    assert_eq!(names(&first), names(&second));
    std::fs::write(folder.join("sales.csv"), sales(0..6)).unwrap();
    let table = ok(folder, &["evaluate", "--checkpoint", "run", "--part", "held-out", "--levels", "none"]);
    assert!(table.contains("seasonal naive"), "{table}");
    std::fs::write(folder.join("new.csv"), sales(6..8)).unwrap();
    let text = ok(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--data", "new.csv"]);
    assert!(text.contains("s6,") && text.contains("s7,"), "{text}");
}

fn panel(codes: Vec<f64>, size: Vec<f64>) -> Panel {
    let day = 86_400_000_000;
    let rows = codes.len();
    let times: Vec<Timestamp> = (0..rows as i64).map(|row| Timestamp { instant: row * day, offset: 0 }).collect();
    let columns = vec![Column::category("kind", false), Column::target("y"), Column::static_covariate("size")];
    let y: Vec<f64> = (0..rows).map(|row| ((row * 37) % 23) as f64).collect();
    let one = |id: &str, size: Vec<f64>| TimeSeries {
        id: id.into(),
        times: times.clone(),
        values: vec![codes.clone(), y.clone(), size],
    };
    let series = vec![one("a", size), one("b", vec![8.0; rows])];
    Panel { name: "typed".into(), time_kind: TimeKind::Clock { zoned: false }, columns, series }
}

fn load(codes: Vec<f64>, size: Vec<f64>, scale: Scale) -> Dataset {
    let options = DataOptions {
        lookback: Some(7),
        horizon: Some(3),
        calendar: Some(false),
        impute: Some(microglia::data::Impute::Ffill),
        scale: Some(scale),
        ..DataOptions::default()
    };
    options.load_panel(&panel(codes, size)).unwrap()
}

/// Codes count levels as the training rows show them; a constant is filled in and scaled over all series.
#[test]
fn codes_and_constants_of_typed_series() {
    let mut codes: Vec<f64> = (0..60).map(|row| [7.0, 3.0][row % 2]).collect();
    (codes[5], codes[59]) = (f64::NAN, 99.0);
    let mut size = vec![4.0; 60];
    size[..9].fill(f64::NAN);
    for scale in [Scale::Series, Scale::Global, Scale::Window] {
        let dataset = load(codes.clone(), size.clone(), scale);
        assert_eq!(dataset.channel_names(), ["y", "size", "kind"]);
        assert_eq!(dataset.levels, [["7", "3"]]);
        let column = |channel: usize| -> Vec<f32> { dataset.values[channel..].iter().step_by(3).copied().collect() };
        let kinds = column(2);
        assert_eq!((&kinds[..7], kinds[59]), (&[1.0, 2.0, 1.0, 2.0, 1.0, 0.0, 1.0][..], 0.0));
        let sizes = column(1);
        assert!(
            sizes[..60].iter().all(|size| *size == -1.0) && sizes[60..].iter().all(|size| *size == 1.0),
            "{sizes:?}"
        );
    }
}

/// A study reads columns of levels as `train` does, and finds its models again.
#[test]
fn a_study_embeds_categorical_columns() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("sales.csv"), sales(0..6)).unwrap();
    let study = |out: &str, more: &[&str]| -> Vec<(f64, String)> {
        let own = ["experiment", "--data", "s=sales.csv", "--methods", "none,dropout", "--seeds", "1..2", "--out", out];
        let shape = ["--horizon", "2", "--lookbacks", "7", "--device", "cpu", "--hidden", "8", "--epochs", "8"];
        let rest = ["--lr", "0.01", "--models", "lstm", "--instance-norm", "last", "--set", "s.calendar=off"];
        ok(folder, &[&own[..], &shape, &rest, more].concat());
        let text = std::fs::read_to_string(folder.join(out).join("results.csv")).unwrap();
        let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let place = |name: &str| head.iter().position(|one| *one == name).unwrap();
        let row = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[place("own_test_mae")].parse().unwrap(), cells[place("weights_sha256")].to_string())
        };
        text.lines().skip(1).map(row).filter(|row: &(f64, String)| !row.1.is_empty()).collect()
    };
    let levels = ["--set", "s.categorical=region,kind", "--set", "s.static-covariates=region,size"];
    let embedded = study("embedded", &levels);
    let without = study("without", &[]);
    assert_eq!((embedded.len(), without.len()), (4, 4));
    for (one, other) in embedded.iter().zip(&without) {
        assert!(one.0.is_finite() && one.1 != other.1);
    }
    // The same again, from where it stands.
    assert_eq!(study("embedded", &levels), embedded);
}

//! Covariates that are known ahead: what reads them, where they come from, and what is rejected.

use std::fmt::Write as _;
use std::path::Path;

use microglia::data::{Column, Columns, DataOptions, Dataset, Panel, Start, TimeKind, TimeSeries, Timestamp};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};

const HORIZON: usize = 5;

/// Days of two shops: 40 a day, 100 with a promotion, which no pattern of days gives away.
fn promoted(day: usize, shop: usize) -> u32 {
    u32::from(microglia::program::rng::draw(5, 1, shop as u32, day as u32) % 10 < 4)
}

fn date(day: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    (first + chrono::Days::new(day as u64)).format("%Y-%m-%d").to_string()
}

/// The days from `from` on, as a file; without `known` sales, from that day.
fn sales(days: std::ops::Range<usize>, known: usize) -> String {
    let mut text = "unique_id,ds,y,promo,visits\n".to_string();
    for shop in 0..2 {
        for day in days.clone() {
            let promo = promoted(day, shop);
            let noise = (day * 13 + shop * 5) % 7;
            let sold = 40 + 60 * promo as usize + noise;
            let (y, visits) = if day < known { (sold.to_string(), (sold * 2).to_string()) } else { Default::default() };
            writeln!(text, "{},{},{y},{promo},{visits}", ["a", "b"][shop], date(day)).unwrap();
        }
    }
    text
}

const DAYS: usize = 240;
const TRAIN: [&str; 19] = [
    "--covariates",
    "visits",
    "--future-covariates",
    "promo",
    "--horizon",
    "5",
    "--lookback",
    "14",
    "--device",
    "cpu",
    "--hidden",
    "16",
    "--max-steps",
    "400",
    "--lr",
    "0.01",
    "--instance-norm",
    "none",
    "--impute=ffill",
];

fn train(folder: &Path, more: &[&str]) {
    std::fs::write(folder.join("sales.csv"), sales(0..DAYS, DAYS)).unwrap();
    let mut words = vec!["train", "--data", "sales.csv", "--out", "run"];
    words.extend(TRAIN);
    words.extend(more);
    let output = microglia(folder, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

/// The forecasts of a shop.
fn forecasts(folder: &Path, shop: &str, more: &[&str]) -> Vec<f64> {
    let mut words = vec!["forecast", "--checkpoint", "run", "--levels", "none"];
    words.extend(more);
    let output = microglia(folder, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let own = text.lines().filter(|line| line.starts_with(&format!("{shop},")));
    own.map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

/// What a shop sells on average, with and without a promotion, after the last day.
fn expected(shop: usize) -> Vec<f64> {
    (DAYS..DAYS + HORIZON).map(|day| f64::from(43 + 60 * promoted(day, shop))).collect()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 15.0, "{found} is not near {expected}");
    }
}

#[test]
fn a_plan_decides_the_forecasts_wherever_it_comes_from() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, &[]);
    let scores = summary(&folder.join("run"));
    let mae = scores["test"]["mae"].as_f64().unwrap();
    let naive = scores["baselines"][1]["test"]["mae"].as_f64().unwrap_or(20.0);
    assert!(mae < 8.0 && mae < naive / 2.0, "{mae} beside {naive}");

    // A plan of both shops in any order, with more days, a shop and a column than are needed.
    let mut plan = "unique_id,ds,promo,weather\nc,2023-09-01,1,wet\n".to_string();
    for day in (DAYS - 3..DAYS + HORIZON + 2).rev() {
        for (shop, name) in ["a", "b"].iter().enumerate() {
            writeln!(plan, "{name},{},{},dry", date(day), promoted(day, shop)).unwrap();
        }
    }
    std::fs::write(folder.join("plan.csv"), &plan).unwrap();
    let planned = forecasts(folder, "a", &["--future", "plan.csv"]);
    near(&planned, &expected(0));
    near(&forecasts(folder, "b", &["--future", "plan.csv"]), &expected(1));

    // The same as rows to come of a file that grew.
    std::fs::write(folder.join("grown.csv"), sales(0..DAYS + HORIZON, DAYS)).unwrap();
    assert_eq!(forecasts(folder, "a", &["--data", "grown.csv"]), planned);
    // A plan counts before what the data has.
    let flipped = plan.replace(",1,dry", ",2,dry").replace(",0,dry", ",1,dry").replace(",2,dry", ",0,dry");
    std::fs::write(folder.join("flipped.csv"), flipped).unwrap();
    let other = forecasts(folder, "a", &["--data", "grown.csv", "--future", "flipped.csv"]);
    let wanted: Vec<f64> = (DAYS..DAYS + HORIZON).map(|day| f64::from(43 + 60 * (1 - promoted(day, 0)))).collect();
    near(&other, &wanted);
    // From an earlier origin, the data's own rows; beyond the horizon, forecasts and the plan.
    let own: Vec<f64> = (DAYS - 30..DAYS - 25).map(|day| f64::from(43 + 60 * promoted(day, 0))).collect();
    near(&forecasts(folder, "a", &["--origin", &date(DAYS - 31)]), &own);
}

/// How a plan is read is told as that of data is.
#[test]
fn how_a_plan_is_read_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, &[]);
    let plan = sales(DAYS..DAYS + HORIZON, HORIZON).replace(',', ";");
    let text: String = plan.lines().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("plan.csv"), text).unwrap();
    let run = ["forecast", "--checkpoint", "run", "--levels", "none", "--future", "plan.csv"];
    let output = microglia(folder, &run);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for line in ["plan.csv: delimiter `;`, decimal mark `.`", "plan.csv: time column `"] {
        assert!(stderr(&output).contains(line), "no {line:?} in:\n{}", stderr(&output));
    }
}

#[test]
fn what_a_plan_lacks_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, &["--overwrite"]);
    let forecast = |plan: &str| {
        std::fs::write(folder.join("plan.csv"), plan).unwrap();
        microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--future", "plan.csv"])
    };
    let days = |shops: &[&str], days: std::ops::Range<usize>| -> String {
        let line = |shop: &&str, day: usize| format!("{shop},{},0\n", date(day));
        shops.iter().flat_map(|shop| days.clone().map(move |day| line(shop, day))).collect()
    };
    let all = DAYS..DAYS + HORIZON;
    let head = "unique_id,ds,promo\n";
    let last = date(DAYS + HORIZON - 1);
    rejected(
        folder,
        &forecast(&format!("{head}{}", days(&["a", "b"], DAYS..DAYS + HORIZON - 1))),
        &["--future", "`promo`", &last, "`a`"],
    );
    rejected(
        folder,
        &forecast(&format!("{head}{}", days(&["a"], all.clone()))),
        &["--future", "`promo`", &date(DAYS), "`b`", "4 times"],
    );
    rejected(folder, &forecast(&format!("{head}{}", days(&["x"], all.clone()))), &["plan.csv", "`x`", "`a`, `b`"]);
    rejected(
        folder,
        &forecast(&format!("unique_id,ds,price\n{}", days(&["a"], all.clone()))),
        &["plan.csv", "no column `promo`", "price"],
    );
    let hole = format!("{head}{}", days(&["a", "b"], all.clone())).replacen(",0\n", ",\n", 1);
    rejected(folder, &forecast(&hole), &["plan.csv:2, column `promo`", "missing value", "`a`", "--impute ffill"]);
    // A row of the data that is there is filled, as any input is; or it is named.
    let grown = sales(0..DAYS + HORIZON, DAYS);
    let without = |text: &str, day: usize| {
        let line = text.lines().find(|line| line.starts_with(&format!("a,{},", date(day)))).unwrap();
        let cells: Vec<&str> = line.split(',').collect();
        text.replace(line, &format!("{},{},{},,{}", cells[0], cells[1], cells[2], cells[4]))
    };
    let of = |name: &str, text: &str, impute: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        let run = ["forecast", "--checkpoint", "run", "--levels", "none", "--data", name, "--impute", impute];
        microglia(folder, &run)
    };
    let holed = without(&grown, DAYS + 1);
    rejected(
        folder,
        &of("holed.csv", &holed, "error"),
        &[&format!("holed.csv:{}, column `promo`", DAYS + 3), "missing value", "`a`", "--impute ffill"],
    );
    let seen = format!("a,{},,{},", date(DAYS + 1), promoted(DAYS, 0));
    let line = grown.lines().find(|line| line.starts_with(&format!("a,{},", date(DAYS + 1)))).unwrap();
    let filled = of("filled.csv", &grown.replace(line, &seen), "error");
    let [ffill, mean] = ["ffill", "mean"].map(|impute| of("holed.csv", &holed, impute));
    for output in [&filled, &ffill, &mean] {
        assert_eq!(code(output), 0, "{}", stderr(output));
    }
    assert_eq!(stdout(&ffill), stdout(&filled), "the value of the row before");
    assert_ne!(stdout(&mean), stdout(&filled));
    let bare = sales(0..DAYS, DAYS);
    let past = without(&bare, DAYS - 3);
    std::fs::write(folder.join("past.csv"), past).unwrap();
    let from = date(DAYS - 6);
    let run = [
        "forecast",
        "--checkpoint",
        "run",
        "--levels",
        "none",
        "--data",
        "past.csv",
        "--origin",
        &from,
        "--impute",
        "error",
    ];
    rejected(
        folder,
        &microglia(folder, &run),
        &["--impute: `promo` is not known for", &date(DAYS - 3), "--impute ffill"],
    );
    let twice = format!("{head}{}", days(&["a", "b", "b"], all.clone()));
    rejected(
        folder,
        &forecast(&twice),
        &["plan.csv:12", "earlier than the time of series `b`", "some times occur twice"],
    );
    let text = format!("{head}{}", days(&["a", "b"], all)).replacen(",0\n", ",maybe\n", 1);
    rejected(folder, &forecast(&text), &["plan.csv:2", "promo", "maybe", "not a number"]);
    // Without a plan or rows to come.
    let bare = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none"]);
    rejected(folder, &bare, &["--future", "`promo` is not known for", &date(DAYS), "4 times", "empty y"]);
    // Visits are of the past alone.
    let beyond = microglia(folder, &["forecast", "--checkpoint", "run", "--horizon", "9", "--recursive"]);
    rejected(folder, &beyond, &["--recursive", "visits"]);
}

#[test]
fn models_without_a_decoder_and_roles_that_clash_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("sales.csv"), sales(0..90, 90)).unwrap();
    let train = |more: &[&str]| {
        let mut words =
            vec!["train", "--data", "sales.csv", "--device", "cpu", "--epochs", "1", "--lookback", "9", "--out", "r"];
        words.extend(more);
        microglia(folder, &words)
    };
    let promo = ["--future-covariates", "promo"];
    for (model, name) in [
        (&["--model", "nlinear"][..], "nlinear"),
        (&["--model", "dlinear"], "dlinear"),
        (&["--model", "ridge"], "ridge"),
        (&["--model", "patchtst", "--patch", "4"], "official PatchTST"),
        (&["--model", "patchtst", "--patchtst-variant", "hf", "--patch", "4"], "hf PatchTST"),
    ] {
        rejected(folder, &train(&[model, &promo].concat()), &["--future-covariates", name, "reads no future values"]);
    }
    rejected(
        folder,
        &train(&["--future-covariates", "promo", "--covariates", "promo"]),
        &["--covariates", "`promo` is a future covariate"],
    );
    rejected(folder, &train(&["--future-covariates", "y"]), &["--future-covariates", "`y` is a target"]);
    rejected(folder, &train(&["--future-covariates", "promo,promo"]), &["--future-covariates", "twice"]);
    rejected(folder, &train(&["--future-covariates", "sale"]), &["no column `sale`", "--future-covariates"]);
    rejected(
        folder,
        &train(&["--future-covariates", "promo", "--future-calendar", "off"]),
        &["--future-calendar", "--calendar off"],
    );
    rejected(folder, &train(&["--future-covariates", "promo", "--decoder-hidden", "0"]), &["--decoder-hidden"]);
    // A calendar that is not there is not read ahead.
    for more in [
        &["--model", "patchtst", "--patch", "4"][..],
        &["--model", "patchtst", "--patchtst-variant", "hf", "--patch", "4"],
        &["--model", "rnn", "--calendar", "off"],
    ] {
        let asked = [more, &["--future-calendar", "on"]].concat();
        rejected(folder, &train(&asked), &["--future-calendar", "no calendar columns", "--calendar"]);
    }
    // Linear models read the targets alone.
    let output = train(&["--model", "nlinear", "--overwrite", "--covariates", "visits", "--impute", "ffill"]);
    assert!(stderr(&output).contains("--covariates changes nothing without a network"), "{}", stderr(&output));
    let output = microglia(folder, &["forecast", "--checkpoint", "r", "--future", "sales.csv"]);
    assert_ne!(code(&output), 0);
}

/// Interrupted and resumed, one of several replicas, exported in every form, without the units that pruning left: the same weights and
/// forecasts.
#[test]
fn a_run_with_a_plan_is_resumed_replicated_and_exported_as_any_other() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let sparse = ["--sparsity", "0.3..0.97", "--epochs", "8", "--patience", "0"];
    train(folder, &sparse);
    let hash = |run: &str| summary(&folder.join(run))["weights_sha256"].as_str().unwrap().to_string();
    let whole = hash("run");
    let words = |more: &[&'static str]| -> Vec<&'static str> {
        let mut words = vec!["train", "--data", "sales.csv"];
        words.extend(TRAIN.iter().filter(|word| !["--max-steps", "400"].contains(word)));
        words.extend(sparse);
        words.extend(more);
        words
    };
    let ok = |words: &[&str]| {
        let output = microglia(folder, words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        output
    };
    ok(&words(&["--max-steps", "33", "--out", "part"]));
    ok(&["train", "--resume", "part", "--max-steps", "40"]);
    assert_eq!(hash("part"), whole);
    ok(&words(&["--max-steps", "400", "--replicas", "2", "--out", "two"]));
    assert_eq!(hash("two/replica-0"), whole);

    std::fs::write(folder.join("plan.csv"), sales(DAYS..DAYS + HORIZON, 0)).unwrap();
    let forecasts = |checkpoint: &str| -> Vec<f64> {
        let output = ok(&[
            "forecast",
            "--checkpoint",
            checkpoint,
            "--levels",
            "none",
            "--future",
            "plan.csv",
            "--data",
            "sales.csv",
        ]);
        assert!(stderr(&output).contains("not needed: y, visits"), "{}", stderr(&output));
        let last = |line: &str| line.rsplit(',').next().unwrap().parse().unwrap();
        stdout(&output).lines().skip(1).map(last).collect()
    };
    let own = forecasts("run");
    assert_eq!(own.len(), 2 * HORIZON);
    for form in ["dense", "sparse", "compact"] {
        let file = format!("{form}.safetensors");
        let output = ok(&["export", "run", "--form", form, "--out", &file]);
        if form == "compact" {
            let text = stdout(&ok(&["inspect", &file]));
            assert!(text.contains("known ahead") && text.contains("decoder.context.weight"), "{text}");
            assert!(!text.contains("decoder.context.weight  64 × 16"), "{text}{}", stdout(&output));
        }
        for (found, own) in forecasts(&file).iter().zip(&own) {
            assert!((found - own).abs() < 1e-3, "{form}: {found} beside {own}");
        }
    }
}

/// Methods and seeds of a study read the plan, too; more of it than is forecast is told.
#[test]
fn a_study_reads_what_is_known_ahead() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("sales.csv"), sales(0..DAYS, DAYS)).unwrap();
    let study = "models = 'lstm'\nmethods = 'none,pruning'\nseeds = '1,2'\nepochs = 2\nlookbacks = '14'\nhorizon = 5\nhidden = 8\n\
                 [data.sales]\ndata = 'sales.csv'\nfuture-covariates = 'promo'\n";
    std::fs::write(folder.join("study.toml"), study).unwrap();
    let words = ["experiment", "--config", "study.toml", "--device", "cpu", "--out", "study"];
    let output = microglia(folder, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let results = std::fs::read_to_string(folder.join("study/results.csv")).unwrap();
    assert!(results.lines().count() > 4, "{results}");

    train(folder, &[]);
    std::fs::write(folder.join("grown.csv"), sales(0..DAYS + HORIZON + 3, DAYS)).unwrap();
    let output = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--data", "grown.csv"]);
    assert!(stderr(&output).contains("6 rows of what is known ahead are not needed"), "{}", stderr(&output));
}

fn panel(values: [Vec<f64>; 3]) -> Panel {
    let day = 86_400_000_000;
    let times = (0..values[0].len() as i64).map(|row| Timestamp { instant: row * day, offset: 0 }).collect();
    let columns = vec![Column::target("y"), Column::past_covariate("past"), Column::future_covariate("plan")];
    let series = vec![TimeSeries { id: String::new(), times, values: values.into() }];
    Panel { name: "typed".into(), time_kind: TimeKind::Clock { zoned: false }, columns, series }
}

fn load(values: [Vec<f64>; 3]) -> Dataset {
    let options = DataOptions { lookback: Some(7), horizon: Some(3), calendar: Some(false), ..DataOptions::default() };
    options.load_panel(&panel(values)).unwrap()
}

fn wave(rows: usize, shift: usize) -> Vec<f64> {
    (0..rows).map(|row| ((row * 37 + shift * 11) % 23) as f64).collect()
}

/// The forecast of an untrained model: whatever it reads has an effect.
fn forecast_of(dataset: &Dataset) -> Vec<f32> {
    use microglia::engine::{Engine, Pass};
    use microglia::models::{ModelKind, ModelOptions, Training, Variant, build};
    use microglia::program::builder::Sizes;
    use microglia::program::tensor::{OBSERVED, PARAMS, PREDICTIONS, SERIES, WINDOWS};
    let sizes = Sizes::of(dataset);
    let program = build(&ModelOptions::of(ModelKind::Lstm, Variant::Official), &Training::scoring(), sizes).unwrap();
    let weights = program.params.initial(7);
    let mut engine = microglia::reference::CpuEngine::<f32>::new(program, Some(1)).unwrap();
    engine.write_f32(PARAMS, 0, &weights).unwrap();
    engine.write_f32(SERIES, 0, &dataset.values).unwrap();
    engine.write_f32(OBSERVED, 0, &dataset.observed).unwrap();
    engine.write_u32(WINDOWS, 0, &dataset.test[..1]).unwrap();
    engine.run(&[Pass { list: microglia::program::List::Evaluate, slot: 0 }]).unwrap();
    engine.read_f32(PREDICTIONS, 0).unwrap()
}

/// What changes after the origin: a covariate of the past changes nothing, one that is known ahead does, and only the steps after
/// which it is known.
#[test]
fn the_future_of_a_past_covariate_is_not_read() {
    let values = || [wave(60, 0), wave(60, 1), wave(60, 2)];
    let before = load(values());
    assert_eq!((before.future(), before.channel_names().last().unwrap().as_str()), (1, "plan"));
    let origin = before.test[0] as usize + before.lookback;
    let forecast = forecast_of(&before);
    for column in 0..2 {
        let mut changed = values();
        changed[column][origin + 1] += 5.0;
        assert_eq!(forecast_of(&load(changed)), forecast, "column {column}");
    }
    let mut changed = values();
    changed[2][origin + 1] += 5.0;
    let other = forecast_of(&load(changed));
    let differs: Vec<bool> = other.iter().zip(&forecast).map(|(other, own)| other != own).collect();
    assert_eq!(differs, [false, true, false]);
}

/// A missing value among what is known ahead leaves out the windows that would read it, as one in the look-back does.
#[test]
fn windows_whose_plan_has_a_hole_are_left_out() {
    let whole = load([wave(60, 0), wave(60, 1), wave(60, 2)]);
    let mut values = [wave(60, 0), wave(60, 1), wave(60, 2)];
    let options = DataOptions {
        lookback: Some(7),
        horizon: Some(3),
        calendar: Some(false),
        impute: Some(microglia::data::Impute::Ffill),
        ..DataOptions::default()
    };
    // Filled by the last one seen.
    values[2][20] = f64::NAN;
    assert_eq!(options.load_panel(&panel(values.clone())).unwrap().train, whole.train);
    let strict = DataOptions { impute: None, ..options };
    let error = strict.load_panel(&panel(values)).unwrap_err().to_string();
    assert!(error.contains("plan") && error.contains("missing value"), "{error}");
}

#[test]
fn forecasts_ahead_need_the_plan_alone() {
    // The last four rows are to come.
    let mut values = [wave(60, 0), wave(60, 1), wave(60, 2)];
    values[0][56..].fill(f64::NAN);
    values[1][56..].fill(f64::NAN);
    let dataset = load(values);
    assert_eq!(dataset.rows(), 56);
    let (cutoffs, _) = dataset.cutoffs(&Start::End).unwrap();
    let ahead = dataset.ahead(&cutoffs, 3).unwrap();
    let column = dataset.channels() - 1;
    let scaler = dataset.series[0].scalers[column];
    for (step, plan) in wave(60, 2)[56..59].iter().enumerate() {
        let value = ahead.values[(dataset.lookback + step) * dataset.channels() + column];
        assert_eq!(value, scaler.scale(*plan) as f32);
    }
    let error = dataset.ahead(&cutoffs, 5).unwrap_err().to_string();
    assert!(error.contains("`plan` is not known for 1970-03-02"), "{error}");
    let columns = Columns::new([Column::target("y"), Column::future_covariate("plan")]);
    assert_eq!((columns.future(), columns.values()), (1..2, 2));
}

/// Days without a holiday, or that go on after a pause, or beside the calendar: the dates that the file has.
#[test]
fn rows_to_come_date_forecasts_and_are_read_in_order() {
    let first = chrono::NaiveDate::from_ymd_opt(2022, 9, 5).unwrap();
    let business: Vec<chrono::NaiveDate> =
        first.iter_days().filter(|day| chrono::Datelike::weekday(day).number_from_monday() < 6).take(100).collect();
    // 2022-11-22 is the last day with a value.
    let known = 57;
    let load = |to_come: &[&str], columns: Option<&str>| {
        let mut text = "ds,y,plan\n".to_string();
        for (i, day) in business[..known].iter().enumerate() {
            writeln!(text, "{day},{},{}", i % 7, i % 5).unwrap();
        }
        to_come.iter().enumerate().for_each(|(i, day)| writeln!(text, "{day},,{}", 10 + i).unwrap());
        let options = DataOptions {
            targets: Some(vec!["y".into()]),
            future_covariates: columns.map(|name| vec![name.into()]),
            lookback: Some(7),
            horizon: Some(4),
            gaps: Some("fill".parse().unwrap()),
            ..DataOptions::default()
        };
        options.load_bytes("days", "days.csv", text.as_bytes()).unwrap()
    };
    let dates = |data: &Dataset, rows: usize| {
        let ahead = data.ahead(&data.cutoffs(&Start::End).unwrap().0, rows).unwrap();
        let times: Vec<String> = ahead.seen_and_to_come(0).1.iter().map(|time| data.time_form.text(*time)).collect();
        (times, ahead.dated_otherwise(rows).unwrap())
    };
    for (to_come, after, told) in [
        (["2022-11-23", "2022-11-25", "2022-11-28"], "2022-11-29", Some("2022-11-25 and not 2022-11-24")),
        (["2022-12-05", "2022-12-06", "2022-12-07"], "2022-12-08", Some("2022-12-05 and not 2022-11-23")),
        (["2022-11-23", "2022-11-26", "2022-11-27"], "2022-11-28", Some("2022-11-26 and not 2022-11-24")),
        (["2022-11-23", "2022-11-24", "2022-11-25"], "2022-11-28", None),
    ] {
        // Without covariates, times go on by the calendar after them.
        let bare = load(&to_come, None);
        let (times, line) = dates(&bare, 4);
        assert_eq!((&times[..3], times[3].as_str()), (&to_come.map(String::from)[..], after));
        match told {
            Some(told) => assert!(line.unwrap().contains(told), "{told}"),
            None => assert_eq!(line, None),
        }
        let data = load(&to_come, Some("plan"));
        assert_eq!(dates(&data, 3).0, to_come);
        let (cutoffs, _) = data.cutoffs(&Start::End).unwrap();
        let ahead = data.ahead(&cutoffs, 3).unwrap();
        let scaler = data.series[0].scalers[1];
        for step in 0..3 {
            let value = ahead.values[(data.lookback + step) * data.channels() + 1];
            assert_eq!(value, scaler.scale(10.0 + step as f64) as f32, "{to_come:?}");
        }
        let error = data.ahead(&cutoffs, 4).unwrap_err().to_string();
        assert!(error.contains(&format!("`plan` is not known for {after}")), "{error}");
    }
}

//! Runs on Parquet and Arrow files, as users meet them.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::{Int16Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, StringArray};
use parquet::basic::{Compression, ZstdLevel};

use crate::cli::{command, microglia, rejected, stderr, stdout, summary};
use crate::data_columnar::{arrow, parquet_of, stamps};

#[test]
fn runs_on_either_format_end_in_the_same_weights() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let rows = 120i64;
    let columns: [(&str, ArrayRef); 3] = [
        (
            "ds",
            Arc::new(stamps::<TimestampNanosecondType>((0..rows).map(|i| (1_704_067_200 + 3600 * i) * 1_000_000_000))),
        ),
        ("y", Arc::new(Float32Array::from_iter_values((0..rows).map(|i| (i as f32 / 3.0).sin())))),
        ("x", Arc::new(BooleanArray::from_iter((0..rows).map(|i| Some(i % 7 == 0))))),
    ];
    let text = (0..rows).fold("ds,y,x\n".to_string(), |text, i| {
        let clock = format!("2024-01-{:02} {:02}:00:00", i / 24 + 1, i % 24);
        text + &format!("{clock},{},{}\n", (i as f32 / 3.0).sin(), if i % 7 == 0 { "True" } else { "False" })
    });
    std::fs::write(folder.join("a.csv"), &text).unwrap();
    std::fs::write(folder.join("a.parquet"), parquet_of(&columns, Compression::ZSTD(ZstdLevel::default()), 50))
        .unwrap();
    std::fs::write(folder.join("a.arrow"), arrow(&columns)).unwrap();
    fn train<'a>(data: &'a str, out: &'a str) -> Vec<&'a str> {
        let args = ["train", "--data", data, "--out", out, "--covariates", "x", "--epochs", "2"];
        args.into_iter().chain(crate::cli::TINY).collect()
    }
    for (data, out) in [("a.csv", "of-csv"), ("a.parquet", "of-parquet"), ("a.arrow", "of-arrow")] {
        let output = microglia(folder, &train(data, out));
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let mut piped = command(folder, &train("-", "of-stdin"));
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(folder.join("a.parquet")).unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    let hash = |out: &str| summary(&folder.join(out))["weights_sha256"].to_string();
    for out in ["of-parquet", "of-arrow", "of-stdin"] {
        assert_eq!(hash(out), hash("of-csv"), "{out}");
    }

    // A run's own data, and another file of another format.
    let forecast = |args: &[&str]| {
        let output = microglia(folder, &[&["forecast", "--levels", "50"], args].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let own = forecast(&["--checkpoint", "of-csv"]);
    assert_eq!(own.lines().count(), 3, "{own}");
    assert_eq!(forecast(&["--checkpoint", "of-parquet"]), own);
    assert_eq!(forecast(&["--checkpoint", "of-csv", "--data", "a.parquet"]), own);
    assert_eq!(forecast(&["--checkpoint", "of-arrow", "--data", "a.csv"]), own);
    let evaluate = |run: &str| {
        let output = microglia(folder, &["evaluate", "--checkpoint", run, "--levels", "50"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(
        evaluate("of-parquet").replace("of-parquet", "RUN").replace("a.parquet", "FILE"),
        evaluate("of-csv").replace("of-csv", "RUN").replace("a.csv", "FILE")
    );
    rejected(
        folder,
        &microglia(folder, &["train", "--data", "a.parquet", "--delimiter", ";"]),
        &["--delimiter: is for text files, but a.parquet is a Parquet file"],
    );
}

/// Days of two series, which may have grown, in files that are written in any way.
#[test]
fn files_that_grew_continue_the_training_data() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let table = |series: &[(&str, i32)], falls: bool, changed: bool| -> [(&str, ArrayRef); 3] {
        let rows: Vec<(&str, i32)> = series
            .iter()
            .flat_map(|(id, rows)| (0..*rows).map(move |i| (*id, if falls { rows - 1 - i } else { i })))
            .collect();
        let value = |(_, i): &(&str, i32)| f64::from(20 + i * i % 13) + if changed && *i == 3 { 0.5 } else { 0.0 };
        [
            ("unique_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|(id, _)| *id)))),
            ("ds", Arc::new(Date32Array::from_iter_values(rows.iter().map(|(_, i)| 19_723 + i)))),
            ("y", Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))),
        ]
    };
    let evaluate = |data: &str, more: &[&str]| {
        microglia(folder, &[&["evaluate", "--checkpoint", "run", "--data", data], more].concat())
    };
    let before = [("b", 60), ("a", 60), ("short", 2)];
    for falls in [false, true] {
        for name in ["data.parquet", "data.arrow"] {
            let write = |columns: &[(&str, ArrayRef)], group: usize| {
                let bytes = match name {
                    "data.arrow" => arrow(columns),
                    _ => parquet_of(columns, Compression::SNAPPY, group),
                };
                std::fs::write(folder.join(name), bytes).unwrap();
            };
            write(&table(&before, falls, false), 1 << 20);
            let run = ["train", "--data", name, "--epochs", "1", "--out", "run", "--overwrite"];
            let output = microglia(folder, &[&run[..], &crate::cli::TINY].concat());
            assert!(output.status.success(), "{}", stderr(&output));
            let own = microglia(folder, &["evaluate", "--checkpoint", "run", "--part", "test"]);
            let copy = evaluate(name, &["--part", "test"]);
            assert_eq!(stdout(&copy), stdout(&own), "{}", stderr(&copy));
            if name == "data.parquet" {
                // Written anew, in other groups of rows.
                write(&table(&before, falls, false), 7);
                let again = evaluate(name, &["--part", "test"]);
                assert!(stderr(&again).contains("--data is the training data"), "{}", stderr(&again));
                assert_eq!(stdout(&again), stdout(&own));
            }
            let after = [("b", 64), ("new", 5), ("a", 61), ("short", 2)];
            write(&table(&after, falls, false), 50);
            let more = evaluate(name, &[]);
            let said = stderr(&more);
            assert!(said.contains("--data continues the training data: "), "{name} {falls} {said}");
            assert!(said.contains("intervals: calibrated on") && !said.contains("as it was"), "{said}");
            assert!(stdout(&more).contains("ridge"), "{}", stdout(&more));
            let ahead = ["forecast", "--checkpoint", "run", "--levels", "55", "--data", name];
            let ahead = microglia(folder, &ahead);
            assert!(stdout(&ahead).contains("b,2024-03-05,"), "{}", stderr(&ahead));
            // The run's own file, grown: the intervals are those that the run kept.
            let grown = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50"]);
            assert!(stderr(&grown).contains("intervals: calibrated on"), "{}", stderr(&grown));
            // What was changed, or is missing, is other data.
            for (series, changed) in [(after, true), ([("b", 64), ("new", 5), ("a", 59), ("short", 9)], false)] {
                write(&table(&series, falls, changed), 50);
                let other = evaluate(name, &["--levels", "none"]);
                assert!(other.status.success() && !stderr(&other).contains("continues the training data"));
            }
        }
    }
}

/// Dictionaries hold levels as texts do, with missing ones; and integers are weights.
#[test]
fn dictionaries_are_levels_and_numbers_weights() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let rows = 160i64;
    let level = |i: i64| (i % 11 != 4).then(|| ["usual", "sale, big", "süd"][(i * 5 % 3) as usize]);
    let weight = |i: i64| [3, 0, 1, 2][(i % 4) as usize];
    let mut kinds = StringDictionaryBuilder::<Int16Type>::new();
    (0..rows).for_each(|i| kinds.append_option(level(i)));
    let columns: [(&str, ArrayRef); 4] = [
        (
            "ds",
            Arc::new(stamps::<TimestampNanosecondType>((0..rows).map(|i| (1_704_067_200 + 3600 * i) * 1_000_000_000))),
        ),
        ("y", Arc::new(Float32Array::from_iter_values((0..rows).map(|i| (i as f32 / 3.0).sin())))),
        ("kind", Arc::new(kinds.finish())),
        ("w", Arc::new(Int32Array::from_iter_values((0..rows).map(weight)))),
    ];
    let text = (0..rows).fold("ds,y,kind,w\n".to_string(), |text, i| {
        let clock = format!("2024-01-{:02} {:02}:00:00", i / 24 + 1, i % 24);
        let kind = level(i).map_or(String::new(), |kind| format!("\"{kind}\""));
        text + &format!("{clock},{},{kind},{}\n", (i as f32 / 3.0).sin(), weight(i))
    });
    std::fs::write(folder.join("a.csv"), &text).unwrap();
    std::fs::write(folder.join("a.parquet"), parquet_of(&columns, Compression::ZSTD(ZstdLevel::default()), 50))
        .unwrap();
    std::fs::write(folder.join("a.arrow"), arrow(&columns)).unwrap();
    let run = |data: &str, out: &str, more: &[&str]| {
        let own = ["train", "--data", data, "--out", out, "--epochs", "2"];
        let output = microglia(folder, &[&own[..], more, &crate::cli::TINY].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        (summary(&folder.join(out))["weights_sha256"].to_string(), stderr(&output))
    };
    let both = ["--categorical", "kind", "--weight", "w"];
    let (csv, _) = run("a.csv", "of-csv", &both);
    for (data, out) in [("a.parquet", "of-parquet"), ("a.arrow", "of-arrow")] {
        let (hash, told) = run(data, out, &both);
        assert_eq!(hash, csv, "{data}");
        assert!(told.contains("categorical `kind`: 3 levels") && told.contains("weights of rows `w`"), "{told}");
    }
    for one in [&both[..2], &both[2..]] {
        assert_ne!(run("a.parquet", "less", one).0, csv, "{one:?} alone");
        std::fs::remove_dir_all(folder.join("less")).unwrap();
    }
    // A model of the one format forecasts the other.
    let forecast = |run: &str, data: &str| {
        let output = microglia(folder, &["forecast", "--checkpoint", run, "--data", data, "--levels", "none"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(forecast("of-csv", "a.parquet"), forecast("of-arrow", "a.csv"));
}

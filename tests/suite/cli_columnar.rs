//! Runs on Parquet and Arrow files, as users meet them.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::{Int16Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, Int32Array};
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

/// Dictionaries hold levels as texts do, with missing ones; and integers are weights.
#[test]
fn dictionaries_are_levels_and_numbers_weights() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let rows = 160i64;
    let level = |i: i64| (i % 11 != 4).then(|| ["usual", "sale, big", "süd"][(i * i % 3) as usize]);
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
        let own = ["train", "--data", data, "--out", out, "--target", "y", "--epochs", "2"];
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

//! What the fuzz targets of `fuzz/` do, on the kept corpus and on random input, with a stable compiler.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[cfg(feature = "parquet")]
use crate::columnar_target::columnar;
use crate::fuzz_targets::{checkpoint, config, csv_reader, dates, holidays, tables};

type Target = fn(&[u8]);

/// The targets by the names of their corpora.
const TARGETS: &[(&str, Target)] = &[
    ("csv_reader", csv_reader),
    ("tables", tables),
    ("dates", dates),
    ("holidays", holidays),
    ("config", config),
    ("checkpoint", checkpoint),
    #[cfg(feature = "parquet")]
    ("columnar", columnar),
];

#[test]
fn the_kept_corpus_passes() {
    let mut bytes = 0;
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = std::fs::read(entry.unwrap().path()).unwrap();
            bytes += file.len();
            files += 1;
            target(&file);
        }
        assert!(files > 3, "{name}: {files} files");
        println!("{name}: {files} files");
    }
    assert!(bytes < 100_000, "the corpus is to stay small, and has {bytes} bytes");
}

/// The same cases each time.
fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng);
    runner
        .run(&strategy, |value| {
            test(value);
            Ok(())
        })
        .unwrap();
}

/// A corpus file with some bytes changed, inserted and removed, at places from 0 to 1.
fn mutated(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files: Vec<Vec<u8>> = files.into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    let change = (0.0..1.0, 0..4u8, proptest::collection::vec(any::<u8>(), 1..6));
    (proptest::sample::select(files), proptest::collection::vec(change, 1..8)).prop_map(|(mut bytes, changes)| {
        for (place, how, new) in changes {
            let at = (place * bytes.len() as f64) as usize;
            let end = bytes.len().min(at + new.len());
            match how {
                0 => drop(bytes.splice(at..at, new)),
                1 => drop(bytes.splice(at..end, new)),
                2 => drop(bytes.drain(at..end)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

/// The kind of pieces that tables and times are made of.
fn text(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
        2 => (-99..9999i32).prop_map(|number| number.to_string().into_bytes()),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

#[test]
fn random_tables_are_read_or_rejected() {
    check(300, mutated("csv_reader"), |bytes| csv_reader(&bytes));
    let pieces = &[
        "ds,y\n",
        "ds",
        "y",
        "unique_id",
        ",",
        ",",
        "\n",
        "\n",
        "\"",
        ";",
        "2024-01-01",
        " 00:00",
        "NaN",
        "1e308",
        "-0.0",
        "\0",
        "\r\n",
        "\u{feff}",
        "1.5",
    ];
    check(300, text(pieces, 60), |bytes| csv_reader(&bytes));
}

#[test]
fn random_times_are_read_or_rejected() {
    check(300, mutated("dates"), |bytes| dates(&bytes));
    let pieces = &[
        "2024",
        "-",
        "-",
        "/",
        ":",
        "T",
        "Z",
        "+01:00",
        " ",
        "\n",
        "\n",
        "\n",
        "%Y",
        "%m",
        "%d",
        "%s",
        "Jan",
        "Q1",
        "PM",
        "24:00",
        "0001",
        "9999-12-31",
        "B",
        "ME",
        "W",
        ".",
    ];
    check(300, text(pieces, 60), |bytes| dates(&bytes));
}

#[test]
fn random_exports_are_read_or_rejected() {
    check(600, mutated("tables"), |bytes| tables(&bytes));
}

#[test]
fn random_days_without_rows_are_read_or_rejected() {
    check(300, mutated("holidays"), |bytes| holidays(&bytes));
    let pieces = &[
        "2024-01-",
        "01/02/2024",
        "date",
        ",",
        ";",
        "\t",
        "\n",
        "\n",
        "#",
        "\r",
        "\"",
        " ",
        "20240105",
        "Jan 5, 2024",
        "é",
    ];
    check(300, text(pieces, 40), |bytes| holidays(&bytes));
}

#[test]
#[cfg(feature = "parquet")]
fn random_columns_are_read_or_rejected() {
    check(400, mutated("columnar"), |bytes| columnar(&bytes));
    let file = (any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..160));
    check(1000, file, |(how, what, rest)| columnar(&[&[how, what][..], &rest].concat()));
}

#[test]
fn random_configurations_are_read_or_rejected() {
    check(300, mutated("config"), |bytes| config(&bytes));
}

#[test]
fn random_weights_files_are_opened_or_rejected() {
    check(200, mutated("checkpoint"), |bytes| checkpoint(&bytes));
}

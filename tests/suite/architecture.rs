//! The invariants of ARCHITECTURE.md that are absences: which module may name which, and what none may.

use std::fs;
use std::path::{Path, PathBuf};

use crate::syntax::{Names, Source};

/// Library modules from the bottom up: a module may use those of earlier lines, and of its own.
const LAYERS: [&[&str]; 12] = [
    &["dims", "error", "memory", "palette"],
    &["files", "plot", "tables", "words"],
    &["data", "program", "gpu"],
    &["engine", "layers"],
    &["models", "reference", "kernels"],
    &["compare"],
    &["train"],
    &["config"],
    &["runs"],
    &["experiment", "forecast", "profile"],
    &["tune"],
    &["cli", "main", "lib"],
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
    found
}

/// A file's place in the tree of modules: `src/train/plot/mod.rs` is `train::plot`.
fn place(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source()).unwrap().with_extension("");
    let mut names: Vec<String> = inside.iter().map(|name| name.to_str().unwrap().to_string()).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("src/{module} has no place in LAYERS"))
}

/// The top modules that a file's paths begin with: by `crate`, or by as many `super` as lead up to it.
fn used<'a>(names: &'a Names, place: &[String]) -> impl Iterator<Item = &'a str> {
    let depth = place.len();
    names
        .paths
        .iter()
        .filter_map(move |path| match path.first().map(String::as_str) {
            Some("crate") => path.get(1),
            Some("super") => {
                let climbs = path.iter().take_while(|name| *name == "super").count();
                if climbs == depth { path.get(climbs) } else { None }
            }
            _ => None,
        })
        .map(String::as_str)
}

#[test]
fn imports_run_downwards() {
    for file in files(&source()) {
        let (place, names) = (place(&file), Source::read(&file).code());
        let own = &place[0];
        let module = |used: &&str| source().join(used).exists() || source().join(format!("{used}.rs")).exists();
        for used in used(&names, &place).filter(module) {
            assert!(
                used == own || layer(used) < layer(own),
                "{}: {own} names crate::{used}, which is not below it",
                file.display()
            );
        }
    }
}

/// Crates that only some modules may name.
#[test]
fn crates_stay_in_their_place() {
    let places: [(&str, &[&str]); 8] = [
        ("anyhow", &["cli", "main"]),
        ("clap", &["cli", "main"]),
        ("indicatif", &["cli"]),
        ("wgpu", &["gpu", "kernels"]),
        ("plotters", &["experiment", "forecast", "plot", "profile", "train", "tune"]),
        ("parquet", &["data"]),
        ("arrow_array", &["data"]),
        ("arrow_ipc", &["data"]),
    ];
    for file in files(&source()) {
        let (own, names) = (&place(&file)[0], Source::read(&file).all());
        for (name, allowed) in places {
            assert!(!names.path(&[name]) || allowed.contains(&own.as_str()), "{} names {name}", file.display());
        }
    }
}

/// What another program may hold up for a moment is tried again there alone.
#[test]
fn files_are_changed_by_one_module() {
    let calls =
        [&["fs", "write"][..], &["fs", "rename"], &["fs", "remove_file"], &["File", "create"], &["OpenOptions"]];
    for file in files(&source()).into_iter().filter(|file| place(file)[0] != "files") {
        let names = Source::read(&file).code();
        for call in calls {
            assert!(!names.path(call), "{}: {} outside of src/files.rs", file.display(), call.join("::"));
        }
        assert!(!names.methods.contains(&"sync_all".into()), "{}: sync_all outside of src/files.rs", file.display());
    }
}

/// Whether a text holds a command-line flag.
fn flagged(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(3).any(|three| three.starts_with(b"--") && three[2].is_ascii_lowercase())
}

/// The library names options in angle quotes, and each reader writes them in a notation of its own (`src/error/text.rs`).
#[test]
fn flags_are_written_by_the_program_alone() {
    /// Whole commands to copy; and the one flag for the options of all data sets.
    const COMMANDS: [(&str, &str); 5] = [
        ("src/data/columnar/mod.rs", "cargo install --path . --features parquet"),
        ("src/config/write.rs", "microglia train --config"),
        ("src/error/text.rs", "--set "),
        ("src/experiment/folder.rs", "microglia experiment --config"),
        ("src/experiment/preset.rs", "microglia experiment --preset paper"),
    ];
    for file in files(&source()).into_iter().filter(|file| !["cli", "main"].contains(&place(file)[0].as_str())) {
        for text in Source::read(&file).code().texts.iter().filter(|text| flagged(text)) {
            let command = COMMANDS.iter().any(|(of, command)| file.ends_with(of) && text.contains(command));
            assert!(command, "{}: a flag in {text:?}: name the option in angle quotes", file.display());
        }
    }
}

/// Whether a text holds more spaces in a row than `most`, after other characters of its line, or after a line break as many as code is
/// indented by.
fn indented(text: &str, most: usize) -> bool {
    text.lines().enumerate().any(|(line, text)| {
        let text = if line == 0 || text.starts_with(&" ".repeat(8)) { text } else { text.trim_start() };
        text.trim_matches(|c| c == ' ' && line == 0).contains(&" ".repeat(most + 1))
    })
}

/// A text that is broken over lines of the source ends each of them by `\\`, so that nobody reads their indentation.
#[test]
fn no_text_holds_the_indentation_of_its_source() {
    // Texts of tests, and those that are laid out as lists.
    let apart = ["tests.rs", "cli/args/help.rs", "experiment/preset.rs"];
    for file in files(&source()).into_iter().filter(|file| !apart.iter().any(|one| file.ends_with(one))) {
        // The program prints tables.
        let most = if place(&file)[0] == "cli" { 11 } else { 2 };
        let text = Source::read(&file).code().texts.into_iter().find(|text| indented(text, most));
        assert!(text.is_none(), "{}: spaces in {text:?}", file.display());
    }
}

#[test]
fn the_checks_find_what_they_look_for() {
    let deep = place(&source().join("train/plot/mod.rs"));
    assert_eq!(deep, ["train", "plot"]);
    assert_eq!(place(&source().join("lib.rs")), ["lib"]);
    let names = Source::parse("use crate::{gpu::Gpu, data}; use super::super::models; use super::run;").code();
    assert_eq!(used(&names, &deep).collect::<Vec<_>>(), ["gpu", "data", "models"]);
    assert!(layer("train") > layer("kernels"));
    let names =
        Source::parse(r#"fn f() { reject(format!("choose {}", "--lookback 3")); g("a -- b, --{key}", "-–x") }"#);
    let flags: Vec<String> = names.code().texts.into_iter().filter(|text| flagged(text)).collect();
    assert_eq!(flags, ["--lookback 3"]);
    assert!(indented("names the          day", 2) && indented("names the\n         day", 2));
    assert!(!indented("  one\n  two three  ", 2));
}

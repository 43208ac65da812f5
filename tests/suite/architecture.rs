//! The invariants of ARCHITECTURE.md that are absences: which module may name which.

use std::fs;
use std::path::{Path, PathBuf};

/// Library modules from the bottom up: a module may use those of earlier lines, and of its own.
const LAYERS: [&[&str]; 11] = [
    &["dims", "error", "memory", "palette"],
    &["files", "plot", "words"],
    &["data", "program", "gpu"],
    &["engine", "layers"],
    &["models", "reference", "kernels"],
    &["compare"],
    &["train"],
    &["config"],
    &["runs"],
    &["experiment", "forecast", "profile"],
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

/// The top module a file belongs to.
fn module(file: &Path) -> String {
    let inside = file.strip_prefix(source()).unwrap();
    inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string()
}

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("src/{module} has no place in LAYERS"))
}

/// The modules that `crate::…` paths of a file name, tests inside it aside.
fn named(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1).map(str::to_string).collect::<Vec<_>>());
    paths.map(|path| path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn imports_run_downwards() {
    for file in files(&source()) {
        let (own, text) = (module(&file), fs::read_to_string(&file).unwrap());
        for used in named(&text)
            .into_iter()
            .filter(|used| source().join(used).exists() || source().join(format!("{used}.rs")).exists())
        {
            assert!(
                used == own || layer(&used) < layer(&own),
                "{}: {own} names crate::{used}, which is not below it",
                file.display()
            );
        }
    }
}

/// Crates that only some modules may name.
#[test]
fn crates_stay_in_their_place() {
    let places: [(&str, &[&str]); 5] = [
        ("anyhow", &["cli", "main"]),
        ("clap", &["cli", "main"]),
        ("indicatif", &["cli"]),
        ("wgpu", &["gpu", "kernels"]),
        ("plotters", &["experiment", "plot", "profile", "train"]),
    ];
    for file in files(&source()) {
        let (own, text) = (module(&file), fs::read_to_string(&file).unwrap());
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for (name, allowed) in places {
            let names = code.contains(&format!("{name}::")) || code.contains(&format!("use {name};"));
            assert!(!names || allowed.contains(&own.as_str()), "{} names {name}", file.display());
        }
    }
}

/// What another program may hold up for a moment is tried again there alone.
#[test]
fn files_are_changed_by_one_module() {
    for file in files(&source()).into_iter().filter(|file| module(file) != "files") {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for call in ["fs::write(", "fs::rename(", "fs::remove_file", "File::create", "OpenOptions", ".sync_all("] {
            assert!(!code.contains(call), "{}: {call} outside of src/files.rs", file.display());
        }
    }
}

#[test]
fn the_check_finds_names() {
    assert_eq!(named("use crate::gpu::Gpu;\n// crate::train\nlet x = crate::data::Dataset;"), ["gpu", "data"]);
    assert!(layer("train") > layer("kernels"));
}

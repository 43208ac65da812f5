//! The names that other libraries have for options, as the guide lists them.

use std::fmt::Write;

use super::options;

/// A Markdown table: each option that has other names, and who uses them.
pub fn names_table() -> String {
    let mut table = String::from("| here | also accepted |\n|---|---|\n");
    for spec in options().map(|one| &one.spec).filter(|spec| !spec.aliases.is_empty()) {
        let names: Vec<String> = spec.aliases.iter().map(|(name, of)| format!("`--{name}` ({of})")).collect();
        let _ = writeln!(table, "| `--{}` | {} |", spec.name, names.join(", "));
    }
    table
}

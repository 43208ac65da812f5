//! TOML files of options.

use std::path::Path;

use toml::{Table, Value};

use super::option::Spec;
use super::{Config, Kind, Settings, escapes, options};
use crate::data::Frame;
use crate::error::{Error, Place, Result};
use crate::files;

const HELP: &str = "‹config› takes a TOML file, such as a run's config.toml";

/// A TOML file's table.
///
/// # Errors
/// Names the file, and the line that is not TOML; or a path whose `\` in double quotes made it another one.
pub fn read_file(file: &Path) -> Result<Table> {
    let text = files::read_text(file, HELP)?;
    let table = text.parse().map_err(|error: toml::de::Error| {
        let help = if escapes::is_near(&text, &error) { escapes::HELP } else { HELP };
        Error::data(Place::of(file.display().to_string()), format!("not TOML\n{}", error.to_string().trim_end()), help)
    })?;
    escapes::check(&text, folder_of(file)).map_err(|error| error.in_file(file))?;
    Ok(table)
}

/// Where the files that a configuration names are found from.
fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Finds the files that a configuration names from its own folder, wherever the program was started.
pub fn resolve_paths(table: &mut Table, file: &Path) {
    for spec in options().map(|one| &one.spec) {
        match table.get_mut(spec.name) {
            Some(Value::String(text)) if names_file(spec, text) => {
                *text = folder_of(file).join(&*text).display().to_string();
            }
            _ => {}
        }
    }
}

/// Whether an option's text is the path of a file.
pub(crate) fn names_file(spec: &Spec, text: &str) -> bool {
    spec.kind == Kind::File && !spec.unsets(text) && ![EMBEDDED, STDIN, Frame::WORD].contains(&text)
}

/// The word for the data set in the program itself.
const EMBEDDED: &str = "embedded";
/// The word for the standard input.
const STDIN: &str = "-";

/// A file's settings.
///
/// # Errors
/// Names the file and the key: one that there is not, a value that it does not take, or values that do not go together.
pub fn read(file: &Path) -> Result<Settings> {
    let mut table = read_file(file)?;
    resolve_paths(&mut table, file);
    let settings = || {
        for (key, sentence) in ELSEWHERE {
            if table.contains_key(*key) {
                return Err(Error::config(*key, "cannot stand in a configuration file", *sentence));
            }
        }
        let settings = Settings::from_table(&table)?;
        // So that what does not go together is reported with the file too.
        Config::new(&settings)?;
        Ok(settings)
    };
    settings().map_err(|error: Error| error.in_file(file))
}

/// Flags that are no options of a run.
const ELSEWHERE: &[(&str, &str)] = &[
    ("config", "name the one file with ‹config›"),
    ("resume", "name the run folder with ‹resume›"),
    ("preset", "name it with ‹preset›, beside ‹config›"),
    ("schema", "type ‹schema›: it prints the schema of such files"),
];

//! Paths in double quotes of a TOML file, where `\` begins an escape: `"C:\new\temp.csv"` holds a line break and a tab.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::Kind;
use super::table::option;
use crate::error::{Error, Result};

/// What to do about a file that is not TOML because of one.
pub(super) const HELP: &str =
    "in double quotes `\\` begins an escape; write a path in single quotes, as in data = 'C:\\Users\\me\\sales.csv'";

/// Whether what is not TOML stands in a line with a `\` in double quotes.
pub(super) fn is_near(text: &str, error: &toml::de::Error) -> bool {
    let at = error.span().map_or(0, |span| span.start);
    let Some((before, after)) = text.split_at_checked(at) else { return false };
    let begin = before.rsplit('\n').next().unwrap_or_default();
    let end = after.split('\n').next().unwrap_or_default();
    let line = [begin, end].concat();
    line.split_once('"').is_some_and(|(_, quoted)| quoted.contains('\\'))
}

/// Rejects a path that is another one by its escapes; not a file that is there, for that one was meant.
pub(super) fn check(text: &str, folder: &Path) -> Result<()> {
    // What is not TOML is rejected as such.
    DeTable::parse(text).map_or(Ok(()), |table| check_table(table.get_ref(), text, folder))
}

fn check_table(table: &DeTable, text: &str, folder: &Path) -> Result<()> {
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(table) => check_table(table, text, folder)?,
            DeValue::String(path)
                if let Some(kind @ (Kind::File | Kind::Place)) = option(key).map(|one| one.spec.kind) =>
            {
                let written = &text[value.span()];
                let escapes = escapes(written);
                let changed = path.contains(char::is_control) || escapes.iter().any(|escape| escape.starts_with('x'));
                // What is written is found from where the program is started.
                let found =
                    if kind == Kind::Place { Path::new(&**path).exists() } else { folder.join(&**path).exists() };
                if changed && !escapes.is_empty() && !found {
                    reject(key, written, &escapes)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What follows each `\` of a text in double quotes, but for those that stand for itself or a quote.
fn escapes(written: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), if written.starts_with('"') { written } else { "" });
    while let Some((_, after)) = rest.split_once('\\') {
        let Some(letter) = after.chars().next() else { break };
        let digits = match letter {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let (escape, more) = after.split_at((letter.len_utf8() + digits).min(after.len()));
        if !matches!(escape, "\\" | "\"") && !found.contains(&escape) {
            found.push(escape);
        }
        rest = more;
    }
    found
}

fn reject(key: &str, written: &str, escapes: &[&str]) -> Result<()> {
    let meaning = |escape: &&str| {
        let what = match *escape {
            "b" => "a backspace",
            "e" => "an escape character",
            "f" => "a form feed",
            "n" => "a line break",
            "r" => "a carriage return",
            "t" => "a tab",
            _ => "one character",
        };
        format!("`\\{escape}` is {what}")
    };
    let told: Vec<String> = escapes.iter().map(meaning).collect();
    let path = written.trim_matches('"');
    let help = match path.contains('\'') {
        true => format!("double each `\\`: {key} = \"{}\"", path.replace('\\', "\\\\")),
        false => format!("write the path in single quotes: {key} = '{path}'"),
    };
    Err(Error::config(key, format!("{written}: in double quotes {}", told.join(", ")), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> String {
        check(text, Path::new("")).unwrap_err().to_string()
    }

    #[test]
    fn a_path_that_escapes_change_is_rejected_with_what_was_meant() {
        let told = rejection(r#"data = "C:\new\temp.csv""#);
        assert_eq!(
            told,
            r#"`data`: "C:\new\temp.csv": in double quotes `\n` is a line break, `\t` is a tab
  help: write the path in single quotes: data = 'C:\new\temp.csv'"#
        );
        assert!(rejection(r#"init = "D:\x64.safetensors""#).contains(r"`\x64` is one character"));
        assert!(rejection(r#"out = "C:\runs\u0007""#).contains(r"`\u0007` is one character"));
        assert!(rejection(r#"data = "it's\b.csv""#).contains(r#"double each `\`: data = "it's\\b.csv""#));
        assert!(rejection("[data.sales]\ndata = \"a\\rb.csv\"\n").contains("`\\r` is a carriage return"));
        assert!(rejection("data = { sales = { data = \"a\\fb.csv\" } }").contains("`\\f` is a form feed"));
    }

    #[test]
    fn sound_paths_and_files_that_are_there_pass() {
        for text in [
            r"data = 'C:\new\temp.csv'",
            r#"data = "C:\\new\\temp.csv""#,
            r#"data = "caf\u00e9.csv""#,
            r#"data = "C:/new/temp.csv""#,
            "data = 'a\tb.csv'",
            r#"delimiter = "\t""#,
            r#"target = ["a\nb"]"#,
        ] {
            check(text, Path::new("")).unwrap();
        }
        let place = tempfile::tempdir().unwrap();
        let name = if cfg!(windows) { "d.csv" } else { "a\nb.csv" };
        std::fs::write(place.path().join(name), "").unwrap();
        check(if cfg!(windows) { r#"data = "\x64.csv""# } else { r#"data = "a\nb.csv""# }, place.path()).unwrap();
    }

    #[test]
    fn an_escape_that_is_none_is_told_apart_from_other_mistakes() {
        let is_near = |text: &str| is_near(text, &text.parse::<toml::Table>().unwrap_err());
        for path in [r"C:\Users\me.csv", r"C:\data.csv", r"\\host\share", r"C:\x.csv", r"C:\folder\"] {
            assert!(is_near(&format!("lookback = 3\ndata = \"{path}\"\nhorizon = 2\n")), "{path}");
        }
        assert!(!is_near("data = \"a.csv\"\nlookback = = 3\nout = 'a\\b'\n"));
        assert!(!is_near("lookback"));
    }
}

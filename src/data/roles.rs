//! Which columns are targets and covariates.

use std::collections::HashSet;

use super::cells::{Cells, Kind};
use super::options::{Covariates, DataOptions};
use super::table::Table;
use crate::error::{Error, Result, Text};

/// Table columns by what they are read as.
pub(crate) struct Roles {
    pub targets: Vec<usize>,
    pub covariates: Vec<usize>,
    /// What was chosen, and what was left out, in words.
    pub notices: Vec<Text>,
}

impl Roles {
    /// `taken` are the columns of time and id.
    pub(super) fn choose(table: &Table, cells: &Cells, options: &DataOptions, taken: &[usize]) -> Result<Roles> {
        let free = || (0..table.columns()).filter(|column| !taken.contains(column));
        let numeric: Vec<usize> =
            free().filter(|c| !table.header[*c].is_empty() && cells.kind(*c) == Kind::Numeric).collect();
        let mut notices = Vec::new();
        let unnamed = table.listed(free().filter(|c| table.header[*c].is_empty() && cells.kind(*c) != Kind::Empty));
        if !unnamed.is_empty() {
            notices.push(format!("columns without a name are read only if asked for by position: {unnamed}").into());
        }

        let targets = match &options.targets {
            Some(names) if names.is_empty() => return Err(no_target(table, &numeric)),
            // A column of that name wins.
            Some(names)
                if names[..] == ["all"] && !table.header.iter().any(|name| name == "all") && !numeric.is_empty() =>
            {
                numeric.clone()
            }
            Some(names) => distinct(table, names, "target")?,
            None => match (table.find("y", "target")?.filter(|y| !taken.contains(y)), &numeric[..]) {
                (Some(y), _) => vec![y],
                (None, [only]) => vec![*only],
                _ => return Err(no_target(table, &numeric)),
            },
        };
        notices.push(format!("target {}", table.listed(targets.iter().copied())).into());

        let covariates = match options.covariates.as_ref().unwrap_or(&Covariates::None) {
            Covariates::None => Vec::new(),
            Covariates::All => {
                let (read, numbers): (HashSet<usize>, HashSet<usize>) =
                    (targets.iter().copied().collect(), numeric.iter().copied().collect());
                let chosen: Vec<usize> = numeric.iter().copied().filter(|c| !read.contains(c)).collect();
                let is_left = |c: &usize| !numbers.contains(c) && !read.contains(c) && !table.header[*c].is_empty();
                let left = table.listed(free().filter(is_left));
                if !left.is_empty() {
                    notices.push(format!("columns without numbers are not covariates: {left}").into());
                }
                chosen
            }
            Covariates::Names(names) => distinct(table, names, "covariates")?,
        };
        let read: HashSet<usize> = targets.iter().copied().collect();
        if let Some(both) = covariates.iter().find(|column| read.contains(column)) {
            let problem = format!("`{}` is a target, whose past is an input already", table.name(*both));
            return Err(Error::config("covariates", problem, "leave it out"));
        }
        Ok(Roles { targets, covariates, notices })
    }
}

fn distinct(table: &Table, names: &[String], key: &str) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for name in names {
        let column = table.expect(name, key)?;
        if columns.contains(&column) {
            return Err(Error::config(key, format!("column `{name}` is named twice"), "name it once"));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn no_target(table: &Table, numeric: &[usize]) -> Error {
    let (problem, help) = if numeric.is_empty() {
        let columns = table.listed(0..table.columns());
        let help = format!("‹decimal› or ‹missing-values› may be needed; columns: {columns}");
        ("no numeric column to forecast".to_string(), help)
    } else {
        (
            format!("{} numeric columns, and none is named `y`", numeric.len()),
            format!("‹target› takes one or more of: {}", table.listed(numeric.iter().copied())),
        )
    };
    Error::data(table.whole(), problem, help)
}

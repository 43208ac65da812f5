//! Which columns are targets and covariates.

use std::collections::HashSet;

use super::cells::Kind;
use super::columns::{Column, Columns, target_notice};
use super::header::{Header, listed};
use super::options::{Covariates, DataOptions};
use super::weights::WEIGHT;
use crate::error::{Error, Place, Result, Text};

/// Most columns without numbers that a line names.
const MOST_NAMED: usize = 6;

/// The option that names columns of levels.
pub(super) const CATEGORICAL: &str = "categorical";

/// The columns of a header that are read, by their roles.
#[derive(Default)]
pub(crate) struct Roles {
    pub targets: Vec<usize>,
    pub covariates: Vec<usize>,
    pub statics: Vec<usize>,
    /// Columns of levels, those that are constant per series last; so many are not.
    pub categories: Vec<usize>,
    pub varying: usize,
    pub future: Vec<usize>,
    /// The rows' weights.
    pub weight: Option<usize>,
    /// What was chosen, and what was left out, in words.
    pub notices: Vec<Text>,
}

impl Roles {
    /// `kind` says what a column holds, `example` names a text in it; `taken` are the columns of time and id.
    ///
    /// # Errors
    /// A name that is unknown or means several columns, no target, or a column with two roles.
    pub(super) fn choose(
        header: &Header,
        kind: impl Fn(usize) -> Kind,
        example: impl Fn(usize) -> Option<String>,
        options: &DataOptions,
        taken: &[usize],
    ) -> Result<Roles> {
        let known = |name| {
            let listed = header.listed(0..header.columns());
            let help = format!("‹weight› takes one of: {listed}; or a position, as in #1; ‹weight none› goes without");
            header.expect(name, WEIGHT).map_err(|error| error.with_help(help))
        };
        let weight = options.weight.as_deref().map(known).transpose()?;
        if let Some(time) = weight.filter(|column| taken.contains(column)) {
            let problem = format!("`{}` holds times or ids", header.name(time));
            return Err(Error::config(WEIGHT, problem, "name a column of numbers"));
        }
        let free = || (0..header.columns()).filter(|column| !taken.contains(column) && Some(*column) != weight);
        let kinds: Vec<(usize, Kind)> =
            free().filter(|c| !header.names[*c].is_empty()).map(|column| (column, kind(column))).collect();
        let of = |wanted: fn(Kind) -> bool| -> Vec<usize> {
            kinds.iter().filter(|(_, kind)| wanted(*kind)).map(|(column, _)| *column).collect()
        };
        let numeric = of(|kind| kind == Kind::Numeric);
        let mut notices = Vec::new();
        let unnamed = header.listed(free().filter(|c| header.names[*c].is_empty() && kind(*c) != Kind::Empty));
        if !unnamed.is_empty() {
            notices.push(format!("columns without a name are read only if asked for by position: {unnamed}").into());
        }

        let targets = match &options.targets {
            Some(names) if names.is_empty() => return Err(no_target(header, &numeric)),
            // A column of that name wins.
            Some(names)
                if names[..] == ["all"] && !header.names.iter().any(|name| name == "all") && !numeric.is_empty() =>
            {
                numeric.clone()
            }
            Some(names) => distinct(header, names, "target")?,
            None => {
                match (header.find("y", "target")?.filter(|y| !taken.contains(y) && Some(*y) != weight), &numeric[..]) {
                    (Some(y), _) if matches!(kind(y), Kind::Flags(_)) => return Err(flags(header, y, example(y))),
                    (Some(y), _) => vec![y],
                    (None, [only]) => {
                        notices.extend(put_aside(header, &of(|kind| kind != Kind::Numeric), example));
                        vec![*only]
                    }
                    _ => return Err(no_target(header, &numeric)),
                }
            }
        };
        notices.push(target_notice(&targets.iter().map(|column| header.name(*column)).collect::<Vec<_>>()));

        let future = distinct(header, options.future_covariates.as_deref().unwrap_or_default(), "future-covariates")?;
        let all_statics =
            distinct(header, options.static_covariates.as_deref().unwrap_or_default(), "static-covariates")?;
        let all_categories = distinct(header, options.categorical.as_deref().unwrap_or_default(), "categorical")?;
        let is_static = |column: &&usize| all_statics.contains(column);
        let (constant, mut categories): (Vec<usize>, Vec<usize>) = all_categories.iter().partition(is_static);
        let varying = categories.len();
        categories.extend(constant);
        let statics: Vec<usize> = all_statics.iter().filter(|column| !categories.contains(column)).copied().collect();
        let covariates = match options.covariates.as_ref().unwrap_or(&Covariates::None) {
            Covariates::None => Vec::new(),
            Covariates::All => {
                let others = future.iter().chain(&statics).chain(&categories);
                let read: HashSet<usize> = targets.iter().chain(others).copied().collect();
                let mut chosen = of(|kind| matches!(kind, Kind::Numeric | Kind::Flags(_)));
                chosen.retain(|column| !read.contains(column));
                let left = of(|kind| !matches!(kind, Kind::Numeric | Kind::Flags(_)));
                let left = header.listed(left.into_iter().filter(|column| !read.contains(column)));
                if !left.is_empty() {
                    notices.push(format!("columns without numbers are not covariates: {left}").into());
                }
                chosen
            }
            Covariates::Names(names) => distinct(header, names, "covariates")?,
        };
        for (key, chosen, others, what) in [
            ("covariates", &covariates, &targets, "target"),
            ("covariates", &covariates, &future, "future covariate"),
            ("covariates", &covariates, &all_statics, "static covariate"),
            ("future-covariates", &future, &targets, "target"),
            ("future-covariates", &future, &all_statics, "static covariate"),
            ("static-covariates", &all_statics, &targets, "target"),
            ("categorical", &all_categories, &targets, "target"),
        ] {
            let others: HashSet<&usize> = others.iter().collect();
            if let Some(both) = chosen.iter().find(|column| others.contains(column)) {
                let problem = format!("`{}` is a {what}, whose past is an input already", header.name(*both));
                return Err(Error::config(key, problem, "leave it out"));
            }
        }
        let inputs = [&covariates, &future, &all_statics, &all_categories];
        if let Some(weight) =
            weight.filter(|weight| inputs.into_iter().chain([&targets]).any(|all| all.contains(weight)))
        {
            let problem = format!("`{}` is a target or a covariate too", header.name(weight));
            return Err(Error::config(WEIGHT, problem, "leave it out there: a row's weight is no input"));
        }
        for (chosen, key, help) in [
            (&covariates, "covariates", "leave it out there: ‹categorical› alone makes it an input"),
            (&future, "future-covariates", "name it in one of them: levels of rows to forecast are not read"),
        ] {
            if let Some(both) = chosen.iter().find(|column| all_categories.contains(column)) {
                let problem = format!("`{}` is named in ‹{key}› too", header.name(*both));
                return Err(Error::config("categorical", problem, help));
            }
        }
        if !future.is_empty() {
            let names: Vec<String> = future.iter().map(|column| header.name(*column)).collect();
            notices.push(format!("future covariates {}: known for the rows to forecast", listed(&names)).into());
        }
        if let Some(weight) = weight {
            let name = header.name(weight);
            notices.push(format!("weights of rows `{name}`: in a loss, and in scores of their own").into());
        }
        Ok(Roles { targets, covariates, statics, categories, varying, future, weight, notices })
    }

    /// Columns that are known for rows to come, of a file that plans them: there is no target.
    ///
    /// # Errors
    /// A name that is unknown or means several columns.
    pub(super) fn plan(header: &Header, names: &[String]) -> Result<Roles> {
        let future = distinct(header, names, "future")?;
        Ok(Roles { future, ..Roles::default() })
    }

    /// The header's columns that are read, with the options that chose them, in the order of [`Roles::columns`].
    pub(super) fn chosen(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let of = |columns: &[usize], key| columns.iter().map(move |column| (*column, key)).collect::<Vec<_>>();
        let by_role = [
            of(&self.targets, "target"),
            of(&self.covariates, "covariates"),
            of(&self.statics, "static-covariates"),
            of(&self.categories, CATEGORICAL),
            of(&self.future, "future-covariates"),
        ];
        by_role.into_iter().flatten()
    }

    /// The header's columns that are read, in the same order.
    pub(super) fn positions(&self) -> Vec<usize> {
        self.chosen().map(|(column, _)| column).collect()
    }

    /// The same by name.
    pub(super) fn columns(&self, header: &Header) -> Columns {
        let targets = self.targets.iter().map(|column| Column::target(header.name(*column)));
        let covariates = self.covariates.iter().map(|column| Column::past_covariate(header.name(*column)));
        let future = self.future.iter().map(|column| Column::future_covariate(header.name(*column)));
        let statics = self.statics.iter().map(|column| Column::static_covariate(header.name(*column)));
        let category = |(i, column): (usize, &usize)| Column::category(header.name(*column), i >= self.varying);
        let categories = self.categories.iter().enumerate().map(category);
        Columns::new(targets.chain(covariates).chain(statics).chain(categories).chain(future))
    }
}

/// What is no target because it holds no numbers, each with one value.
fn put_aside(header: &Header, columns: &[usize], example: impl Fn(usize) -> Option<String>) -> Option<Text> {
    let (shown, more) = columns.split_at(columns.len().min(MOST_NAMED));
    let named = |column: &usize| match example(*column) {
        Some(text) => format!("`{}` ({text:?})", header.name(*column)),
        None => format!("`{}` (empty)", header.name(*column)),
    };
    let shown: Vec<String> = shown.iter().map(named).collect();
    let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
    (!shown.is_empty()).then(|| format!("no targets, because they hold no numbers: {}{more}", shown.join(", ")).into())
}

fn distinct(header: &Header, names: &[String], key: &str) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for name in names {
        let column = header.expect(name, key)?;
        if columns.contains(&column) {
            return Err(Error::config(key, format!("column `{name}` is named twice"), "name it once"));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// That the column of a target's name holds flags: nobody says that they are to be forecast.
fn flags(header: &Header, column: usize, example: Option<String>) -> Error {
    let place = Place { column: Some(header.name(column)), value: example, ..header.place() };
    let help = format!("‹target {}› forecasts them as 1 and 0; or ‹target› names another column", header.name(column));
    Error::data(place, "words for true and false are never chosen as the target", help)
}

fn no_target(header: &Header, numeric: &[usize]) -> Error {
    let (problem, help) = if numeric.is_empty() {
        let columns = header.listed(0..header.columns());
        let decimal = if header.line.is_some() { "‹decimal› or " } else { "" };
        let help = format!("{decimal}‹missing-values› may help; columns: {columns}");
        ("no numeric column to forecast".to_string(), help)
    } else {
        (
            format!("{} numeric columns, and none is named `y`", numeric.len()),
            format!("‹target› takes one or more of: {}", header.listed(numeric.iter().copied())),
        )
    };
    Error::data(header.place(), problem, help)
}

//! Columns and their roles.

use std::ops::Range;

use super::header::listed;
use crate::error::Text;

/// What a column is to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// It is forecast. Its past is an input.
    Target,
    /// An input that is known up to the forecast's origin, and not forecast.
    PastCovariate,
    /// An input that is constant per series.
    StaticCovariate,
    /// A past covariate that takes one of a few levels; its values are their codes. Not scaled.
    Category,
    /// The same, constant per series.
    StaticCategory,
    /// An input that is known for the rows to forecast too: a plan, a price list, a weather forecast.
    FutureCovariate,
    /// An input that follows from a row's time, so it is known for future rows too. Not scaled.
    Calendar,
}

/// A column of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As options, messages and files have it.
    pub name: String,
    /// What it is to a model.
    pub role: Role,
}

impl Column {
    /// A column that is forecast.
    #[must_use]
    pub fn target(name: impl Into<String>) -> Self {
        Column { name: name.into(), role: Role::Target }
    }

    /// An input that is not forecast.
    #[must_use]
    pub fn past_covariate(name: impl Into<String>) -> Self {
        Column { name: name.into(), role: Role::PastCovariate }
    }

    /// An input that is constant per series.
    #[must_use]
    pub fn static_covariate(name: impl Into<String>) -> Self {
        Column { name: name.into(), role: Role::StaticCovariate }
    }

    /// An input that takes one of a few levels, constant per series or not.
    #[must_use]
    pub fn category(name: impl Into<String>, is_static: bool) -> Self {
        Column { name: name.into(), role: if is_static { Role::StaticCategory } else { Role::Category } }
    }

    /// An input that is known for the rows to forecast too.
    #[must_use]
    pub fn future_covariate(name: impl Into<String>) -> Self {
        Column { name: name.into(), role: Role::FutureCovariate }
    }
}

/// How many roles there are.
const ROLES: usize = 7;

/// The channels of a data set: its input columns, ordered by role as [`Role`] lists them.
///
/// Arrays of targets have a column per target. Scalers and counts of missing cells are per value column: all but the calendar's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    names: Vec<String>,
    /// Where each role's columns end in `names`.
    ends: [usize; ROLES],
}

impl Columns {
    /// Sorts columns by role. Those of one role keep their order.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let mut columns: Vec<Column> = columns.into_iter().collect();
        columns.sort_by_key(|column| column.role);
        let mut ends = [0; ROLES];
        for column in &columns {
            ends[column.role as usize..].iter_mut().for_each(|end| *end += 1);
        }
        Columns { names: columns.into_iter().map(|column| column.name).collect(), ends }
    }

    /// C: how many there are.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.names.len()
    }

    /// K: how many are targets. They are the first K channels.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.ends[Role::Target as usize]
    }

    /// How many are read from the data: all but the calendar's. They come before those.
    #[must_use]
    pub fn values(&self) -> usize {
        self.ends[Role::FutureCovariate as usize]
    }

    /// The value columns that are known for rows to come: the future covariates.
    #[must_use]
    pub fn future(&self) -> Range<usize> {
        self.ends[Role::StaticCategory as usize]..self.values()
    }

    /// The value columns that hold codes of levels.
    #[must_use]
    pub fn categories(&self) -> Range<usize> {
        self.ends[Role::StaticCovariate as usize]..self.ends[Role::StaticCategory as usize]
    }

    /// Whether a value column is constant per series.
    #[must_use]
    pub fn is_static(&self, column: usize) -> bool {
        let of = |role: Role| self.ends[role as usize - 1]..self.ends[role as usize];
        of(Role::StaticCovariate).contains(&column) || of(Role::StaticCategory).contains(&column)
    }

    /// The names of all channels, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names of the columns with a role, in order.
    #[must_use]
    pub fn with_role(&self, role: Role) -> &[String] {
        let start = (role as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start..self.ends[role as usize]]
    }

    /// These columns without some of the targets.
    pub(super) fn without_targets(&self, left_out: &[usize]) -> Columns {
        let kept = self.names.iter().enumerate().filter(|(column, _)| !left_out.contains(column));
        Columns { names: kept.map(|(_, name)| name.clone()).collect(), ends: self.ends.map(|end| end - left_out.len()) }
    }

    /// These value columns and calendar columns.
    pub(super) fn and_calendar(self, calendar: impl IntoIterator<Item = String>) -> Columns {
        let mut names = self.names;
        names.extend(calendar);
        let mut ends = self.ends;
        ends[Role::Calendar as usize] = names.len();
        Columns { ends, names }
    }
}

/// What is forecast, in words.
pub(super) fn target_notice(targets: &[String]) -> Text {
    format!("target {}", listed(targets)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_order_the_channels() {
        let given = [
            Column::future_covariate("f"),
            Column::category("k", true),
            Column::static_covariate("s"),
            Column::category("c", false),
            Column::past_covariate("x"),
            Column::target("b"),
            Column::past_covariate("w"),
        ];
        let columns = Columns::new(given).and_calendar(["hour_sin".into(), "hour_cos".into()]);
        assert_eq!(columns.names(), ["b", "x", "w", "s", "c", "k", "f", "hour_sin", "hour_cos"]);
        assert_eq!((columns.targets(), columns.future(), columns.values(), columns.channels()), (1, 6..7, 7, 9));
        assert_eq!(
            (columns.categories(), (0..7).filter(|c| columns.is_static(*c)).collect::<Vec<_>>()),
            (4..6, vec![3, 5])
        );
        assert_eq!(columns.with_role(Role::Target), ["b"]);
        assert_eq!(columns.with_role(Role::PastCovariate), ["x", "w"]);
        assert_eq!(columns.with_role(Role::FutureCovariate), ["f"]);
        assert_eq!(columns.with_role(Role::Calendar), ["hour_sin", "hour_cos"]);
        assert!(Columns::default().with_role(Role::Target).is_empty());
    }
}

//! How the numbers of a column are spelled: what needs a line, and what can be read in two ways.

use super::cells::Cells;
use super::marks::{FileMarks, thousands_word};
use super::number::{CURRENCIES, Evidence, Written, evidence, group_class};
use super::table::CsvTable;
use crate::error::{Error, Result, Text};

/// Most columns that a line names.
const MOST_NAMED: usize = 6;

/// Row and column of a cell.
type At = (usize, usize);

/// What is said of how a column is spelled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spelled {
    what: What,
    /// `2.578,20` is 2578.2
    example: String,
    /// The word that is read as 1, if words are.
    pub one: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Thousands(char),
    Percent,
    Currency,
    Turned,
    Flags,
}

impl Spelled {
    /// Words that are read as 1 and 0.
    pub(super) fn flags([one, zero]: [&'static str; 2]) -> Spelled {
        Spelled { what: What::Flags, example: format!("{one} is 1, {zero} is 0"), one: Some(one) }
    }

    /// The mark that separates thousands.
    pub(super) fn thousands(&self) -> Option<char> {
        match self.what {
            What::Thousands(mark) => group_class(mark),
            _ => None,
        }
    }
}

/// Looks at the numbers of cells that belong together.
#[derive(Default)]
pub(super) struct Spellings {
    thousands: Option<(At, char)>,
    percent: Option<At>,
    /// A number other than 0 without a percent sign.
    no_percent: Option<At>,
    currency: Option<(At, usize)>,
    turned: Option<At>,
    /// The first number whose point, or comma, may be the decimal mark or separate thousands.
    either: [Option<At>; 2],
    /// Whether a number has a point, or comma, that can only be the decimal mark.
    clear: [bool; 2],
    /// Whether there is a whole number without a mark from 100 to 999, and one beyond.
    whole: [bool; 2],
}

impl Spellings {
    /// # Errors
    /// Two currencies.
    pub(super) fn add(&mut self, cells: &Cells, at: At, number: Written) -> Result<()> {
        self.thousands = self.thousands.or(number.thousands.map(|mark| (at, mark)));
        self.turned = self.turned.or(number.turned.then_some(at));
        match number.percent {
            true => self.percent = self.percent.or(Some(at)),
            false if number.value != 0.0 => self.no_percent = self.no_percent.or(Some(at)),
            false => {}
        }
        number.currency.map_or(Ok(()), |currency| self.add_currency(cells, at, currency))?;
        if !cells.marks(at.1).settled {
            self.look(cells.table(), at, number.value);
        }
        Ok(())
    }

    fn add_currency(&mut self, cells: &Cells, at: At, currency: usize) -> Result<()> {
        let ((row, _), first) = *self.currency.get_or_insert((at, currency));
        if first == currency {
            return Ok(());
        }
        let (own, other) = (CURRENCIES[currency], CURRENCIES[first]);
        let problem = format!("an amount in {own}, in {} one in {other}", cells.table().called(row));
        let help = "convert all amounts of a column to one currency";
        Err(Error::data(cells.table().place(at.0, at.1), problem, help))
    }

    /// Adds what was seen of cells that come after these.
    ///
    /// # Errors
    /// As [`Spellings::add`].
    pub(super) fn append(&mut self, cells: &Cells, later: Spellings) -> Result<()> {
        let Spellings { thousands, percent, no_percent, currency, turned, either, clear, whole } = later;
        self.thousands = self.thousands.or(thousands);
        self.percent = self.percent.or(percent);
        self.no_percent = self.no_percent.or(no_percent);
        self.turned = self.turned.or(turned);
        for place in 0..2 {
            self.either[place] = self.either[place].or(either[place]);
            self.clear[place] |= clear[place];
            self.whole[place] |= whole[place];
        }
        currency.map_or(Ok(()), |(at, currency)| self.add_currency(cells, at, currency))
    }

    /// Whether the marks of a number are ambiguous.
    fn look(&mut self, table: &CsvTable, at: At, value: f64) {
        let cell = table.cell(at.0, at.1);
        let [point, comma] = [b'.', b','].map(|mark| cell.contains(&mark));
        if !point && !comma {
            let size = value.abs();
            self.whole[0] |= (100.0..1000.0).contains(&size);
            self.whole[1] |= size >= 1000.0;
        } else if point && !self.clear[0] || comma && !self.clear[1] {
            match evidence(cell) {
                Evidence::Either(mark) => {
                    let first = &mut self.either[usize::from(mark == ',')];
                    *first = first.or(Some(at));
                }
                Evidence::Decimal(mark) => self.clear[usize::from(mark == ',')] = true,
                Evidence::None => {}
            }
        }
    }

    /// What is to be said.
    ///
    /// # Errors
    /// A percent sign in some cells only; a mark that may be the decimal mark or separate thousands.
    pub(super) fn finish(self, cells: &Cells) -> Result<Vec<Spelled>> {
        let table = cells.table();
        if let (Some((row, column)), Some((other, _))) = (self.percent, self.no_percent) {
            let problem = format!("a percent sign here, none in {}", table.called(other));
            return Err(Error::data(table.place(row, column), problem, "write all values of a column in one unit"));
        }
        for (mark, first) in ['.', ','].into_iter().zip(self.either) {
            if let Some((row, column)) = first
                && self.is_ambiguous(cells.marks(column), mark)
            {
                let name = if mark == '.' { "point" } else { "comma" };
                let problem = format!("the {name} may be a decimal mark or separate thousands");
                let help = format!("‹decimal {mark}› reads it as the decimal mark, ‹thousands {mark}› as a separator");
                return Err(Error::data(table.place(row, column), problem, help));
            }
        }
        let thousands = self.thousands.map(|(at, mark)| (What::Thousands(mark), at));
        let percent = self.percent.map(|at| (What::Percent, at));
        let currency = self.currency.map(|(at, _)| (What::Currency, at));
        let turned = self.turned.map(|at| (What::Turned, at));
        let example = |(row, column): At| match cells.number(row, column) {
            Some(number) => format!("`{}` is {}", table.text(row, column), number.value),
            None => String::new(),
        };
        let told = [thousands, percent, currency, turned].into_iter().flatten();
        Ok(told.map(|(what, at)| Spelled { what, example: example(at), one: None }).collect())
    }

    /// Whether a mark that three digits follow in all of the column's cells may be read in two ways.
    fn is_ambiguous(&self, marks: FileMarks, mark: char) -> bool {
        if self.clear[usize::from(mark == ',')] {
            return false;
        }
        if marks.told && marks.marks.decimal != mark {
            return false;
        }
        if marks.trained {
            // As in training; a mark that training did not hold may be either.
            return marks.marks.decimal != mark && marks.apart != Some(mark);
        }
        // 891 beside 1.094, and no whole number beyond 999: as counts with thousands apart are written.
        let like_counts = self.whole == [true, false];
        // Where the comma is the decimal mark, spreadsheets separate columns by `;`.
        like_counts || !marks.told && (mark == ',' || marks.foreign)
    }
}

/// The lines about columns, by name, that are spelled in a way of their own.
pub(super) fn notices(columns: &[(String, Vec<Spelled>)]) -> Vec<Text> {
    let mut kinds: Vec<What> = Vec::new();
    for Spelled { what, .. } in columns.iter().flat_map(|(_, spelled)| spelled) {
        if !kinds.contains(what) {
            kinds.push(*what);
        }
    }
    let line = |kind: &What| {
        let said: Vec<String> = columns
            .iter()
            .flat_map(|(name, spelled)| spelled.iter().map(move |one| (name, one)))
            .filter(|(_, one)| one.what == *kind)
            .map(|(name, one)| format!("`{name}` ({})", one.example))
            .collect();
        let (shown, more) = said.split_at(said.len().min(MOST_NAMED));
        let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        let what = match kind {
            What::Thousands(mark) => format!("`{}` separates thousands", thousands_word(*mark)),
            What::Percent => "percent signs are left out".into(),
            What::Currency => "currency signs are left out".into(),
            What::Turned => "parentheses, or a minus sign behind a number, make it negative".into(),
            What::Flags => "words are read as 1 and 0".into(),
        };
        format!("{what}: {}{more}", shown.join(", ")).into()
    };
    kinds.iter().map(line).collect()
}

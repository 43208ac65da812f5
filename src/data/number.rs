//! One written number, as programs export it: marks between digits, percent and currency signs, parentheses.

/// The marks of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// `.` or `,`.
    pub decimal: char,
    /// The only mark that separates thousands; `None`: any that is not the decimal mark.
    pub thousands: Option<char>,
}

/// A number, and how it is written beyond digits, a sign and the decimal mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Written {
    pub value: f64,
    /// The mark that separates thousands.
    pub thousands: Option<char>,
    pub percent: bool,
    /// Index in [`CURRENCIES`].
    pub currency: Option<usize>,
    /// Negative by parentheses, or by a minus sign behind it.
    pub turned: bool,
}

/// What a cell says about the decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The decimal mark can only be this one.
    Decimal(char),
    /// This mark may be the decimal mark or separate thousands: `1.094`.
    Either(char),
    /// A number without a mark, or no number.
    None,
}

/// What stands before or after amounts. Longer ones first, where one begins or ends with another.
pub(super) const CURRENCIES: [&str; 36] = [
    "US$", "R$", "A$", "C$", "HK$", "€", "$", "£", "¥", "₹", "₽", "₩", "₪", "₺", "₴", "₫", "฿", "EUR", "USD", "GBP",
    "CHF", "JPY", "CNY", "INR", "BRL", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "CZK", "kr.", "kr", "zł", "Kč",
];

/// Blanks that separate thousands: the common one, no-break, narrow no-break, and thin.
const BLANKS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

impl Marks {
    /// Whether a mark separates thousands.
    fn groups(self, mark: char) -> bool {
        let class = group_class(mark);
        class.is_some() && mark != self.decimal && self.thousands.is_none_or(|only| class == Some(only))
    }

    /// Reads a number; `None` if the cell holds none. The value is perhaps not finite.
    pub(super) fn read(self, cell: &[u8]) -> Option<Written> {
        let plain = |value: f64| Written { value, thousands: None, percent: false, currency: None, turned: false };
        if let Ok(text) = std::str::from_utf8(cell) {
            let number = match self.decimal {
                ',' if text.contains('.') => None,
                ',' => text.replacen(',', ".", 1).parse().ok(),
                _ => text.parse().ok(),
            };
            if number.is_some() {
                return number.map(plain);
            }
        }
        let Dress { digits, negative, turned, percent, currency } = undress(text(cell)?)?;
        let (mantissa, exponent) = exponent(digits);
        let (whole, fraction) = mantissa.split_once(self.decimal).unwrap_or((mantissa, ""));
        if !fraction.bytes().all(|b| b.is_ascii_digit()) || whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let thousands = match whole.chars().find(|c| !c.is_ascii_digit()) {
            None => None,
            Some(mark) if self.groups(mark) && in_groups(whole, mark) => Some(mark),
            Some(_) => return None,
        };
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        let value: f64 = format!("{whole}.{fraction}0{exponent}").parse().ok()?;
        Some(Written { value: if negative { -value } else { value }, thousands, percent, currency, turned })
    }
}

/// What a cell says about the decimal mark.
pub(super) fn evidence(cell: &[u8]) -> Evidence {
    if !cell.iter().any(|b| matches!(b, b'.' | b',')) {
        return Evidence::None;
    }
    let Some(Dress { digits, .. }) = text(cell).and_then(undress) else { return Evidence::None };
    let (mantissa, exponent) = exponent(digits);
    let Some(at) = mantissa.rfind(['.', ',']) else { return Evidence::None };
    let (whole, fraction) = (&mantissa[..at], &mantissa[at + 1..]);
    let (mark, other) = if mantissa[at..].starts_with('.') { ('.', ',') } else { (',', '.') };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Evidence::None;
    }
    let foreign = whole.chars().find(|c| !c.is_ascii_digit());
    match foreign {
        // `1.234.567`: more than one mark of a kind separates thousands.
        Some(found) if found == mark && in_groups(mantissa, mark) => Evidence::Decimal(other),
        Some(found) if group_class(found).is_some() && found != mark && in_groups(whole, found) => {
            Evidence::Decimal(mark)
        }
        Some(_) => Evidence::None,
        None if fraction.is_empty() => Evidence::None,
        None if exponent.is_empty() && !whole.starts_with('0') && !whole.is_empty() && in_groups(mantissa, mark) => {
            Evidence::Either(mark)
        }
        None => Evidence::Decimal(mark),
    }
}

/// The mark by which the option `thousands` calls one that separates thousands.
pub(super) fn group_class(mark: char) -> Option<char> {
    match mark {
        '.' | ',' => Some(mark),
        '\'' | '’' => Some('\''),
        blank if BLANKS.contains(&blank) => Some(' '),
        _ => None,
    }
}

/// Whether these are digits in groups of three, the first of one to three: `12,345,678`.
fn in_groups(digits: &str, mark: char) -> bool {
    let mut groups = digits.split(mark);
    let all_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && all_digits(first));
    first && !digits.starts_with('0') && groups.all(|group| group.len() == 3 && all_digits(group))
}

/// The text of a cell that may hold a number.
fn text(cell: &[u8]) -> Option<&str> {
    // No number is longer, and most texts have no digit.
    if cell.len() > 400 || !cell.iter().any(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(cell).ok()
}

/// A number's digits and marks, and what stands around them.
struct Dress<'a> {
    digits: &'a str,
    negative: bool,
    turned: bool,
    percent: bool,
    currency: Option<usize>,
}

/// Takes off each sign once. `None` if the rest does not begin with a digit or a decimal mark, and end with a digit or a mark.
fn undress(text: &str) -> Option<Dress<'_>> {
    let mut dress = Dress { digits: bare(text), negative: false, turned: false, percent: false, currency: None };
    if let Some(inside) = dress.digits.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (dress.digits, dress.negative, dress.turned) = (bare(inside), true, true);
    }
    let mut signed = dress.negative;
    loop {
        let before = dress.digits.len();
        if !signed && let Some(rest) = dress.digits.strip_prefix(['-', '+', '−']) {
            dress.negative = !dress.digits.starts_with('+');
            (dress.digits, signed) = (bare(rest), true);
        }
        if !signed && let Some(rest) = dress.digits.strip_suffix(['-', '−']) {
            (dress.digits, dress.negative, dress.turned, signed) = (bare(rest), true, true, true);
        }
        if !dress.percent
            && let Some(rest) = dress.digits.strip_suffix('%')
        {
            (dress.digits, dress.percent) = (bare(rest), true);
        }
        if dress.currency.is_none() {
            let found = CURRENCIES.iter().enumerate().find_map(|(index, sign)| {
                let rest = dress.digits.strip_prefix(sign).or(dress.digits.strip_suffix(sign))?;
                Some((index, rest))
            });
            if let Some((index, rest)) = found {
                (dress.digits, dress.currency) = (bare(rest), Some(index));
            }
        }
        if dress.digits.len() == before {
            break;
        }
    }
    let first = dress.digits.bytes().next()?;
    (first.is_ascii_digit() || matches!(first, b'.' | b',')).then_some(dress)
}

/// Without the blanks around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || BLANKS.contains(&c))
}

/// A mantissa, and its exponent with the letter; empty if there is none.
fn exponent(digits: &str) -> (&str, &str) {
    let at = digits.find(['e', 'E']).unwrap_or(digits.len());
    digits.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, decimal: char) -> Option<f64> {
        Marks { decimal, thousands: None }.read(text.as_bytes()).map(|written| written.value)
    }

    #[test]
    fn numbers_are_read_as_programs_export_them() {
        for (text, value) in [
            ("2.405,80", 2405.8),
            ("1.234.567", 1_234_567.0),
            ("1.094", 1094.0),
            ("-2.405,80", -2405.8),
            ("12,5 %", 12.5),
            ("53,57 €", 53.57),
            ("53,57\u{a0}€", 53.57),
            ("EUR 1.200,00", 1200.0),
            ("(1.200,50)", -1200.5),
            ("1.200,50-", -1200.5),
            ("−3,5", -3.5),
            ("1 234,5", 1234.5),
            ("1\u{202f}234,5", 1234.5),
            ("1'234,5", 1234.5),
            ("1,5e3", 1500.0),
            (",5 %", 0.5),
        ] {
            assert_eq!(read(text, ','), Some(value), "{text}");
        }
        for (text, value) in [
            ("2,405.80", 2405.8),
            ("$1,234,567.89", 1_234_567.89),
            ("-$5", -5.0),
            ("$-5", -5.0),
            ("($5.50)", -5.5),
            ("50%", 50.0),
            ("1’234.50", 1234.5),
            ("1.094", 1.094),
            ("R$ 7.25", 7.25),
        ] {
            assert_eq!(read(text, '.'), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_stays_text() {
        for text in [
            "",
            "x",
            "1,23,456",
            "1,2345",
            "12,34.5",
            "1.2.3",
            "1,234,56",
            "01,234",
            "0,123.5",
            "5 m",
            "%",
            "€",
            "()",
            "--5",
            "(-5)",
            "5%%",
            "$5€",
            "1 23",
            "2024-01-31",
            "01.02.2024",
            "12:30",
            "1,234 567",
            "1e5%%",
            "e5",
            "1.094,",
            "5-3",
        ] {
            assert_eq!(read(text, '.'), None, "{text}");
        }
        for text in ["1.5", "1.2345", "12.34,5", "1.234.56"] {
            assert_eq!(read(text, ','), None, "{text}");
        }
        let only = Marks { decimal: '.', thousands: Some('\'') };
        assert_eq!(only.read(b"1,234"), None);
        assert_eq!(only.read("1’234".as_bytes()).map(|written| written.value), Some(1234.0));
    }

    #[test]
    fn cells_tell_the_decimal_mark_or_do_not() {
        use Evidence::{Decimal, Either, None};
        for (text, found) in [
            ("1.5", Decimal('.')),
            ("0.123", Decimal('.')),
            ("1234.567", Decimal('.')),
            ("1.094", Either('.')),
            ("-12,345", Either(',')),
            ("12,345 €", Either(',')),
            ("(1,094)", Either(',')),
            ("2.405,80", Decimal(',')),
            ("2,405.8", Decimal('.')),
            ("1.234.567", Decimal(',')),
            ("1,234,567", Decimal('.')),
            ("1 234,567", Decimal(',')),
            ("1'234.567", Decimal('.')),
            ("1.094e3", Decimal('.')),
            (".125", Decimal('.')),
            ("12,5 %", Decimal(',')),
            ("891", None),
            ("01.01.2022", None),
            ("1.2.3", None),
            ("3.", None),
            ("v1.5", None),
        ] {
            assert_eq!(evidence(text.as_bytes()), found, "{text}");
        }
    }
}

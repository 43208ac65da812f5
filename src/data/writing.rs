//! How a model's training data was written: what another file leaves open is read likewise.

use std::collections::BTreeMap;

/// How data was written, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writing {
    /// The decimal mark of its numbers.
    pub decimal: Option<char>,
    /// The mark that separated thousands in it.
    pub thousands: Option<char>,
    /// The format by which its times were read, in strptime's syntax.
    pub time_format: Option<String>,
    /// Whether the day stands before the month, where both are numbers.
    pub day_first: Option<bool>,
    /// By column, the word that was read as 1, where it held flags.
    pub flags: BTreeMap<String, String>,
}

/// Whether a format has the day before the month; `None` if it does not hold both as numbers.
pub(super) fn day_first(format: &str) -> Option<bool> {
    let first = |specifiers: &[&str]| {
        let plain = format.replace("%%", "  ").replace("%-", "%").replace("%_", "%").replace("%0", "%");
        specifiers.iter().filter_map(|specifier| plain.find(specifier)).min()
    };
    if format.contains("%D") {
        return Some(false);
    }
    Some(first(&["%d", "%e"])? < first(&["%m"])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_tell_the_order() {
        assert_eq!(["%d/%m/%Y", "%-d.%-m.%y %H:%M", "%e-%m"].map(day_first), [Some(true); 3]);
        assert_eq!(["%m/%d/%Y", "%D", "%Y-%m-%d"].map(day_first), [Some(false); 3]);
        assert_eq!(["%d-%b-%Y", "%Y", "%%d %m", "%s"].map(day_first), [None; 4]);
    }
}

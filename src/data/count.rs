//! Numbers and counts as sentences have them.

/// 26115 and `row` → `26,115 rows`.
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// 26115 → `26,115`.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names listed in a line, at most.
pub(super) const SHOWN: usize = 6;

/// The first few of `count` names, and how many more there are: `a, b and 9 more`.
#[must_use]
pub fn few(count: usize, names: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = names.take(SHOWN).collect();
    let more = count.saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

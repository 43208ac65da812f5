//! Words as the user's shell reads them, for commands to copy.

/// A text as one word of a command line.
pub fn quoted(text: &str) -> String {
    if cfg!(windows) { windows(text) } else { posix(text) }
}

fn posix(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// For cmd and PowerShell alike, where one form serves both: double quotes, in which PowerShell alone obeys some characters. With
/// one of those, for PowerShell.
fn windows(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "\\/._-+:".contains(c);
    if text.chars().all(plain) {
        return text.into();
    }
    // A program takes `\"` for a quote, not for an end.
    let slashes = text.len() - text.trim_end_matches('\\').len();
    let text = text.to_string() + &"\\".repeat(slashes);
    // PowerShell ends a text at typographic quotes, too.
    if text.contains(['$', '`', '“', '”', '„']) {
        let doubled = |c: char| if "'‘’‚‛".contains(c) { vec![c, c] } else { vec![c] };
        return format!("'{}'", text.chars().flat_map(doubled).collect::<String>());
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_each_shell() {
        let cases = [
            ("runs/2026-a", "runs/2026-a", "runs/2026-a"),
            (r"C:\runs\a", r"'C:\runs\a'", r"C:\runs\a"),
            ("it's a", r"'it'\''s a'", "\"it's a\""),
            (r"C:\my runs\a (2)\", r"'C:\my runs\a (2)\'", r#""C:\my runs\a (2)\\""#),
            ("a,b", "a,b", "\"a,b\""),
            ("$HOME's", r"'$HOME'\''s'", "'$HOME''s'"),
            ("a “b” ’c’", "'a “b” ’c’'", "'a “b” ’’c’’'"),
        ];
        for (text, of_posix, of_windows) in cases {
            assert_eq!((posix(text).as_str(), windows(text).as_str()), (of_posix, of_windows));
        }
        let own = if cfg!(windows) { "\"a b\"" } else { "'a b'" };
        assert_eq!(quoted("a b"), own);
    }
}

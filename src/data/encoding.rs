//! The bytes of a text file: UTF-8, or Windows-1252, as older programs export tables.

use std::borrow::Cow;

use super::count::counted;
use crate::error::{Error, Result};

/// How a file's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// One to four bytes each.
    #[default]
    Utf8,
    /// One byte each.
    Windows1252,
}

/// The characters of the bytes 0x80 to 0x9f; the others are those of Unicode. Five bytes are no character, and stay what they are.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// A file as UTF-8.
pub(super) struct Decoded<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub encoding: Encoding,
    /// What is said of a file that is no UTF-8.
    pub notice: Option<String>,
}

impl<'a> Decoded<'a> {
    /// Bytes that are no UTF-8 are read as Windows-1252. A file that has other characters in UTF-8 beside them is of neither
    /// encoding, and what is written of it is UTF-8.
    pub(super) fn of(bytes: &'a [u8]) -> Decoded<'a> {
        let Err(error) = std::str::from_utf8(bytes) else {
            return Decoded { bytes: Cow::Borrowed(bytes), encoding: Encoding::Utf8, notice: None };
        };
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        let (mut text, mut mixed, mut strays) = (String::with_capacity(bytes.len() + bytes.len() / 8), false, 0);
        for chunk in bytes.utf8_chunks() {
            mixed |= !chunk.valid().is_ascii();
            strays += chunk.invalid().len();
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| character(*byte)));
        }
        let (encoding, notice) = match mixed {
            false => {
                let line =
                    format!("no UTF-8 (line {line}): read as Windows-1252, and tables of forecasts are written so");
                (Encoding::Windows1252, line)
            }
            true => {
                let strays = counted(strays, "byte");
                (Encoding::Utf8, format!("{strays} of no UTF-8, the first in line {line}, read as Windows-1252"))
            }
        };
        Decoded { bytes: Cow::Owned(text.into_bytes()), encoding, notice: Some(notice) }
    }
}

fn character(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

impl Encoding {
    /// A table in UTF-8 in this encoding.
    ///
    /// # Errors
    /// A character that it does not have; those of a file that was read so are all there.
    pub(crate) fn encoded(self, table: Vec<u8>) -> Result<Vec<u8>> {
        if self == Encoding::Utf8 || table.is_ascii() {
            return Ok(table);
        }
        String::from_utf8_lossy(&table).chars().map(byte).collect::<std::result::Result<_, char>>().map_err(|other| {
            let problem =
                format!("`{other}` is no character of Windows-1252, in which the data and its tables are written");
            Error::config("alias", problem, "choose another name, or save the data as UTF-8")
        })
    }
}

fn byte(character: char) -> std::result::Result<u8, char> {
    let high = || HIGH.iter().position(|high| *high == character).map(|place| place as u8 + 0x80);
    match u32::from(character) {
        code @ (0..=0x7f | 0xa0..=0xff) => Ok(code as u8),
        _ => high().ok_or(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_character_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let Decoded { bytes, encoding, notice } = Decoded::of(&all);
        assert_eq!((encoding, String::from_utf8_lossy(&bytes).chars().count()), (Encoding::Windows1252, 256));
        assert!(notice.unwrap().contains("(line 2)"), "a line break is among them");
        assert_eq!(encoding.encoded(bytes.into_owned()).unwrap(), all);
        assert!(Encoding::Windows1252.encoded("日".into()).unwrap_err().to_string().contains("`日`"));
        assert_eq!(Encoding::Utf8.encoded("日".into()).unwrap(), "日".as_bytes());
    }

    #[test]
    fn utf_8_stays_what_it_is() {
        let decoded = Decoded::of("Größe".as_bytes());
        assert!(matches!(decoded.bytes, Cow::Borrowed(_)) && decoded.notice.is_none());
        let mixed = Decoded::of(b"Gr\xc3\xb6\xdfe\n\x80");
        assert_eq!((&mixed.bytes[..], mixed.encoding), ("Größe\n€".as_bytes(), Encoding::Utf8));
        assert_eq!(mixed.notice.unwrap(), "2 bytes of no UTF-8, the first in line 1, read as Windows-1252");
    }
}

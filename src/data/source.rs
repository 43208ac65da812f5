//! A data file's bytes. Reading ends early if they are no table, or one that does not fit into memory.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Place, Result};
use crate::memory;

/// Longest line that is read: a million columns fit.
const LONGEST_LINE: usize = 64 << 20;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// Bytes between two checks of how much memory is free.
pub(super) const LOOK: usize = 64 << 20;

/// The path by which the option `data` names the standard input.
pub(super) const STDIN: &str = "-";

/// Reads a file, a device, a pipe or the standard input, and unpacks gzip. Stops with an error if it is no [`Format`], has a line
/// of more than 64 MiB, or would not fit into memory. `help` is for a file that cannot be opened.
pub(super) fn read(path: &Path, help: &'static str) -> Result<Vec<u8>> {
    let failed = |cause| Error::io(path, help)(cause);
    if path == Path::new(STDIN) {
        return unpacked(std::io::stdin().lock(), &label(path), failed);
    }
    let file = File::open(path).map_err(failed)?;
    let known = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
    fits(known.unwrap_or(0), Place::of(label(path)))?;
    unpacked(file, &label(path), failed)
}

/// What messages call a file.
pub(super) fn label(path: &Path) -> String {
    if path == Path::new(STDIN) { "stdin".into() } else { path.display().to_string() }
}

/// A file's name without its ending, and without that below `.gz`.
pub(super) fn stem(path: &Path) -> String {
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let path = if packed { PathBuf::from(path.file_stem().unwrap_or_default()) } else { PathBuf::from(label(path)) };
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The bytes that a caller gives, unpacked if they are gzip's.
pub(super) fn of_bytes<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    if !bytes.starts_with(&GZIP) {
        return Ok(Cow::Borrowed(bytes));
    }
    unpacked(bytes, file, |cause| Error::io(file, "give other bytes")(cause)).map(Cow::Owned)
}

/// What gzip's files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

fn unpacked(mut from: impl Read, file: &str, failed: impl Fn(std::io::Error) -> Error) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    (&mut from).take(GZIP.len() as u64).read_to_end(&mut head).map_err(&failed)?;
    let packed = head == GZIP;
    let whole = Cursor::new(head).chain(from);
    if !packed {
        return read_from(whole, Place::of(file), failed);
    }
    read_from(MultiGzDecoder::new(whole), Place::of(file), |cause| match cause.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
            Error::data(Place::of(file), format!("a gzip file that cannot be unpacked: {cause}"), "pack it anew")
        }
        _ => failed(cause),
    })
}

fn read_from(mut from: impl Read, place: Place, failed: impl Fn(std::io::Error) -> Error) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut format, mut feeds, mut line_start, mut looked) = (Format::Text, 0u64, 0, 0);
    loop {
        let read = bytes.len();
        (&mut from).take(PIECE as u64).read_to_end(&mut bytes).map_err(&failed)?;
        if bytes.len() == read {
            return Ok(bytes);
        }
        if read == 0 {
            format = Format::of(&bytes);
            if format == Format::Text {
                plain_text(&place.file, &bytes)?;
            }
        }
        let text = if format == Format::Text { &bytes[read..] } else { &[] };
        for (i, byte) in text.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\n' | b'\r')) {
            line_start = read + i + 1;
            feeds += u64::from(*byte == b'\n');
        }
        if format == Format::Text && bytes.len() - line_start > LONGEST_LINE {
            // Lines that end in CR alone are not counted, so the error names no line.
            let line = (feeds > 0 || line_start == 0).then_some(feeds + 1);
            let problem = format!("a line of more than {} MiB", LONGEST_LINE >> 20);
            return Err(Error::data(Place { line, ..place }, problem, "give a delimited text file, one row a line"));
        }
        if bytes.len() - looked > LOOK {
            looked = bytes.len();
            fits(looked as u64, place.clone())?;
        }
    }
}

/// What a data file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Delimited text, or what [`plain_text`] rejects.
    Text,
    /// Typed columns.
    Columns(Kind),
}

/// How typed columns are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    /// Arrow's IPC file, which is also Feather's second version.
    Arrow,
    /// No file: a data frame in memory.
    #[cfg(feature = "parquet")]
    Frame,
}

impl Format {
    pub(super) fn of(bytes: &[u8]) -> Format {
        match bytes {
            [b'P', b'A', b'R', b'1', ..] => Format::Columns(Kind::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Format::Columns(Kind::Arrow),
            _ => Format::Text,
        }
    }
}

impl Kind {
    /// What messages call such a file.
    pub(super) fn called(self) -> &'static str {
        match self {
            Kind::Parquet => "a Parquet file",
            Kind::Arrow => "an Arrow file",
            #[cfg(feature = "parquet")]
            Kind::Frame => "a data frame",
        }
    }
}

/// A file takes at least three times its bytes: for the bytes, its cells, and their places and numbers.
fn fits(bytes: u64, place: Place) -> Result<()> {
    take(bytes.saturating_mul(3), place, || format!("{} of data", memory::readable(bytes)))
}

/// Rejects what takes more memory than is free.
pub(super) fn take(bytes: u64, place: Place, what: impl Fn() -> String) -> Result<()> {
    memory::check(bytes).map_err(|free| {
        let (bytes, free) = (memory::readable(bytes), memory::readable(free));
        let problem = format!("{} take {bytes} of memory or more, but {free} are free", what());
        Error::data(place, problem, "give fewer rows or columns, or run it where there is more memory")
    })
}

/// Strips a UTF-8 byte order mark. Rejects bytes that are not UTF-8 text by their beginning.
pub(super) fn plain_text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let reject =
        |what: &str, help: &str| Err(Error::data(Place::of(file), format!("{what}, not delimited text"), help));
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(rest),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => reject("UTF-16", "save the file as UTF-8"),
        [0x1f, 0x8b, ..] => reject("gzip-compressed twice", "unpack it first: gunzip"),
        [b'P', b'K', 3, 4, ..] => reject("a zip archive or spreadsheet", "unpack it, or export the sheet as CSV"),
        [b'P', b'A', b'R', b'E', ..] => reject("an encrypted Parquet file", "write it without encryption"),
        [b'F', b'E', b'A', b'1', ..] => {
            reject("a Feather file of version 1", "write it as Feather of version 2, or as CSV")
        }
        _ if let Format::Columns(kind) = Format::of(bytes) => reject(kind.called(), "export the table as CSV"),
        _ if bytes.iter().take(4096).any(|b| *b == 0) => reject("binary", "export the table as CSV"),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(from: impl Read) -> String {
        read_from(from, Place::of("a.csv"), |cause| Error::io("a.csv", "help")(cause)).unwrap_err().to_string()
    }

    #[test]
    fn endless_lines_are_rejected() {
        let said = rejection(std::io::repeat(b'1'));
        assert!(said.contains("a.csv:1: a line of more than 64 MiB") && said.contains("help: "), "{said}");
        let said = rejection("ds,y\n1,2\n".as_bytes().chain(std::io::repeat(b'1')));
        assert!(said.contains("a.csv:3: a line of more than 64 MiB"), "{said}");
        assert!(rejection(std::io::repeat(0)).contains("binary"));
    }

    #[test]
    fn packed_files_are_unpacked_as_far_as_they_may_be_text() {
        let pack = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            encoder.finish().unwrap()
        };
        let packed = pack(b"ds,y\n1,2\n");
        assert_eq!(&of_bytes("a.csv.gz", &packed).unwrap()[..], b"ds,y\n1,2\n");
        // Files that are put together are one file.
        assert_eq!(&of_bytes("a.csv.gz", &[&packed[..], &packed].concat()).unwrap()[..], b"ds,y\n1,2\nds,y\n1,2\n");
        let rejected = |bytes: &[u8]| of_bytes("a.csv.gz", bytes).unwrap_err().to_string();
        assert!(rejected(&packed[..packed.len() - 9]).contains("cannot be unpacked"));
        assert!(rejected(&GZIP).contains("cannot be unpacked"));
        assert!(rejected(&pack(&packed)).contains("twice"));
        // 66 MiB of one line in 300 kB.
        assert!(rejected(&pack(&vec![b'1'; 66 << 20])).contains("a line of more than 64 MiB"));
        assert_eq!(
            [stem(Path::new("x/sales.csv.gz")), stem(Path::new("a.b.csv")), stem(Path::new("-"))],
            ["sales", "a.b", "stdin"]
        );
    }

    #[test]
    fn lines_of_any_ending_are_read_whole() {
        for ending in ["\n", "\r\n", "\r"] {
            let text = format!("ds,y{ending}").repeat(1 << 19);
            let read = read_from(text.as_bytes(), Place::of("a.csv"), |cause| Error::io("a.csv", "help")(cause));
            assert!(read.unwrap() == text.as_bytes(), "{ending:?}");
        }
    }

    #[test]
    fn what_cannot_fit_is_rejected_with_the_numbers() {
        #[cfg(any(target_os = "linux", windows, target_os = "macos"))]
        {
            let said = fits(1 << 50, Place::of("a.csv")).unwrap_err().to_string();
            assert!(
                said.contains("1125.9 TB of data take 3377.7 TB of memory or more") && said.contains("free"),
                "{said}"
            );
        }
        fits(1, Place::of("a.csv")).unwrap();
    }
}

//! What a Parquet file's headers state, looked at before they are believed: Thrift's compact protocol, as far as that takes.

/// Deepest nesting of values; Parquet's own headers have a few levels.
const DEEPEST: usize = 64;

/// Bytes of a value in the compact protocol. Whatever is read is taken off; `None` where the bytes are no such thing.
pub(super) struct Compact<'a> {
    bytes: &'a [u8],
}

/// The kinds of values, as the protocol numbers them.
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact { bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A whole number of any size.
    pub(super) fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The fields of a struct: `read` is told each one's id and kind, and takes the value or leaves it, as it answers. All that it
    /// leaves is skipped.
    pub(super) fn fields(&mut self, mut read: impl FnMut(&mut Compact<'a>, i64, u8) -> Option<bool>) -> Option<()> {
        self.fields_within(DEEPEST, &mut read)
    }

    fn fields_within(
        &mut self,
        depth: usize,
        read: &mut dyn FnMut(&mut Compact<'a>, i64, u8) -> Option<bool>,
    ) -> Option<()> {
        let mut id = 0i64;
        loop {
            let (delta, kind) = match self.byte()? {
                0 => return Some(()),
                head => (head >> 4, head & 0x0f),
            };
            id = if delta == 0 { self.number()? } else { id.checked_add(delta.into())? };
            if !read(self, id, kind)? {
                self.skip(kind, false, depth)?;
            }
        }
    }

    /// The number of a list's values, and their kind.
    pub(super) fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 0x0f))
    }

    /// `listed`: of a list, where a truth value is a byte; of a field it is the kind itself.
    fn skip(&mut self, kind: u8, listed: bool, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1 | 2 if !listed => {}
            1 | 2 | BYTE => drop(self.byte()?),
            I16..=I64 => drop(self.varint()?),
            DOUBLE => drop(self.take(8)?),
            UUID => drop(self.take(16)?),
            BINARY => {
                let length = self.varint()?;
                self.take(usize::try_from(length).ok()?)?;
            }
            LIST | SET => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip(kind, true, depth))?;
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                for _ in 0..count {
                    self.skip(kinds >> 4, true, depth)?;
                    self.skip(kinds & 0x0f, true, depth)?;
                }
            }
            STRUCT => self.fields_within(depth, &mut |_, _, _| Some(false))?,
            _ => return None,
        }
        Some(())
    }
}

/// How deep the columns of a footer are nested: 1 if none is. `None` if it is no footer.
pub(super) fn nesting(footer: &[u8]) -> Option<usize> {
    // Of `FileMetaData` the schema, a list of elements that the number of their children puts into a tree.
    let (mut open, mut deepest) = (Vec::<i64>::new(), 0);
    Compact::new(footer).fields(|footer, id, kind| {
        if (id, kind) != (2, LIST) {
            return Some(false);
        }
        let (count, kind) = footer.list()?;
        for _ in 0..count {
            if kind != STRUCT {
                return None;
            }
            let mut children = 0;
            footer.fields(|element, id, kind| match (id, kind) {
                (5, I16..=I64) => {
                    children = element.number()?;
                    Some(true)
                }
                _ => Some(false),
            })?;
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children > 0 {
                open.push(children);
                deepest = deepest.max(open.len());
            }
        }
        Some(true)
    })?;
    Some(deepest)
}

/// The largest page of a column's bytes when it is unpacked, in bytes. `None` if they are no pages.
pub(super) fn largest_page(column: &[u8]) -> Option<u64> {
    let (mut pages, mut largest) = (Compact::new(column), 0);
    while pages.left() > 0 {
        let [mut unpacked, mut packed] = [0; 2];
        pages.fields(|header, id, kind| {
            let size = match (id, kind) {
                (2, I16..=I64) => &mut unpacked,
                (3, I16..=I64) => &mut packed,
                _ => return Some(false),
            };
            *size = header.number()?;
            Some(true)
        })?;
        pages.take(usize::try_from(packed).ok()?)?;
        largest = largest.max(u64::try_from(unpacked).ok()?);
    }
    Some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer of one chain of groups.
    fn nested(levels: usize) -> Vec<u8> {
        // version: 1; schema: a list of structs, each with a name and, but for the last, one child; no rows, no row groups.
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        let count = levels + 1;
        footer.extend([count as u8 | 0x80, (count >> 7) as u8 | 0x80, (count >> 14) as u8]);
        for _ in 0..levels {
            footer.extend([0x48, 1, b'a', 0x15, 2, 0]);
        }
        footer.extend([0x48, 1, b'a', 0, 0x16, 0, 0x19, 0x0c, 0]);
        footer
    }

    #[test]
    fn nesting_is_counted_without_following_it() {
        for levels in [1, 2, 100_000] {
            assert_eq!(nesting(&nested(levels)), Some(levels));
        }
        assert_eq!(nesting(&nested(2)[..20]), None);
        // A struct in a struct, and so on, in a field that is not read.
        assert_eq!(nesting(&[0x1c; 100_000]), None);
        assert_eq!(nesting(&[]), None);
    }

    #[test]
    fn pages_state_their_size() {
        let page = |unpacked: [u8; 5]| [&[0x15, 0, 0x15][..], &unpacked, &[0x15, 4, 0, 7, 7]].concat();
        let (small, huge) = (page([0x90, 0x80, 0x80, 0x80, 0]), page([0xfe, 0xff, 0xff, 0xff, 0x0f]));
        assert_eq!(largest_page(&small), Some(8));
        assert_eq!(largest_page(&[&small[..], &huge, &small].concat()), Some(i32::MAX as u64));
        assert_eq!(largest_page(&huge[..huge.len() - 1]), None, "its bytes are not all there");
        let negative = page([0x91, 0x80, 0x80, 0x80, 0]);
        assert_eq!(largest_page(&negative), None);
    }
}

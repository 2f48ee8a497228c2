use crate::data::parquet_problem::ParquetProblem;

/// Maximum nesting of structures that are skipped. The deepest structures of the format have seven
/// levels.
const MAX_DEPTH: usize = 16;

type Result<T> = std::result::Result<T, ParquetProblem>;

/// Type of an encoded value. Fields of structures store booleans in their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    True,
    False,
    Byte,
    Integer,
    Double,
    Bytes,
    List,
    Map,
    Structure,
}

/// Header of a structure's field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) id: i16,
    pub(super) kind: Kind,
}

/// Reader of Thrift's compact protocol, in which Parquet stores its metadata.
///
/// No function allocates or loops by a number that exceeds the number of remaining bytes.
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Returns the number of bytes read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Returns the next field of a structure, or `None` at its end. `previous` is the number of the
    /// field before, at first 0.
    pub(super) fn field(&mut self, previous: &mut i16) -> Result<Option<Field>> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        let kind = self.kind(header & 0x0f)?;
        let id = match header >> 4 {
            0 => i16::try_from(self.signed()?).map_err(|_| self.damaged("a field's number"))?,
            delta => previous
                .checked_add(i16::from(delta))
                .ok_or_else(|| self.damaged("a field's number"))?,
        };
        *previous = id;
        Ok(Some(Field { id, kind }))
    }

    /// Reads a boolean field.
    pub(super) fn boolean(&mut self, kind: Kind) -> Result<bool> {
        match kind {
            Kind::True => Ok(true),
            Kind::False => Ok(false),
            _ => Err(self.damaged("a boolean")),
        }
    }

    /// Reads an integer of any width.
    pub(super) fn integer(&mut self, kind: Kind) -> Result<i64> {
        match kind {
            Kind::Byte => Ok(i64::from(self.byte()?.cast_signed())),
            Kind::Integer => self.signed(),
            _ => Err(self.damaged("an integer")),
        }
    }

    /// Reads an integer that is not negative.
    pub(super) fn count(&mut self, kind: Kind) -> Result<u64> {
        let found = self.integer(kind)?;
        u64::try_from(found).map_err(|_| self.damaged("a size, an offset or a count"))
    }

    /// Reads an integer that identifies a type, an encoding or the like.
    pub(super) fn code(&mut self, kind: Kind) -> Result<i32> {
        let found = self.integer(kind)?;
        i32::try_from(found).map_err(|_| self.damaged("a code"))
    }

    /// Reads a string.
    pub(super) fn text(&mut self, kind: Kind) -> Result<&'a str> {
        let bytes = self.bytes(kind)?;
        std::str::from_utf8(bytes).map_err(|_| self.damaged("a name"))
    }

    /// Reads a list of structures; each is read by a function.
    pub(super) fn structures<T>(
        &mut self,
        kind: Kind,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        if kind != Kind::List {
            return Err(self.damaged("a list"));
        }
        let (kind, count) = self.list()?;
        if count > 0 && kind != Kind::Structure {
            return Err(self.damaged("a list of structures"));
        }
        // The list grows with what is read, not by the count, whose items may be incomplete.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Checks that a field is a structure, which follows.
    pub(super) fn structure(&self, kind: Kind) -> Result<()> {
        if kind == Kind::Structure { Ok(()) } else { Err(self.damaged("a structure")) }
    }

    /// Skips a field.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<()> {
        self.skip_value(kind, 0)
    }

    fn skip_value(&mut self, kind: Kind, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(self.damaged("a structure, which is nested too deeply"));
        }
        match kind {
            Kind::True | Kind::False => {}
            Kind::Byte => drop(self.byte()?),
            Kind::Integer => drop(self.varint()?),
            Kind::Double => drop(self.take(8)?),
            Kind::Bytes => drop(self.bytes(kind)?),
            Kind::List => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.skip_item(kind, depth + 1)?;
                }
            }
            Kind::Map => {
                let count = self.length()?;
                if count > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (self.kind(kinds >> 4)?, self.kind(kinds & 0x0f)?);
                    for _ in 0..count {
                        self.skip_item(key, depth + 1)?;
                        self.skip_item(value, depth + 1)?;
                    }
                }
            }
            Kind::Structure => {
                let mut previous = 0;
                while let Some(field) = self.field(&mut previous)? {
                    self.skip_value(field.kind, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Skips an item of a list or map. Outside of fields, a boolean is a byte.
    fn skip_item(&mut self, kind: Kind, depth: usize) -> Result<()> {
        match kind {
            Kind::True | Kind::False => self.byte().map(drop),
            kind => self.skip_value(kind, depth),
        }
    }

    /// Reads the header of a list. Every item has at least one byte.
    fn list(&mut self) -> Result<(Kind, usize)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.length()?,
            count => self.within(u64::from(count))?,
        };
        Ok((self.kind(header & 0x0f)?, count))
    }

    fn bytes(&mut self, kind: Kind) -> Result<&'a [u8]> {
        if kind != Kind::Bytes {
            return Err(self.damaged("a string"));
        }
        let length = self.length()?;
        self.take(length)
    }

    /// Reads a length or count.
    fn length(&mut self) -> Result<usize> {
        let claimed = self.varint()?;
        self.within(claimed)
    }

    /// Checks a length or count against the number of remaining bytes.
    fn within(&self, claimed: u64) -> Result<usize> {
        let available = self.bytes.len() - self.position;
        match usize::try_from(claimed) {
            Ok(count) if count <= available => Ok(count),
            _ => Err(ParquetProblem::MetadataEnds { position: self.position, claimed, available }),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let length = self.within(length as u64)?;
        let start = self.position;
        self.position += length;
        Ok(&self.bytes[start..self.position])
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// Reads an integer in zigzag encoding.
    fn signed(&mut self) -> Result<i64> {
        let found = self.varint()?;
        Ok((found >> 1).cast_signed() ^ -(found & 1).cast_signed())
    }

    fn varint(&mut self) -> Result<u64> {
        let (found, length) =
            varint(&self.bytes[self.position..]).ok_or_else(|| self.damaged("an integer"))?;
        self.position += length;
        Ok(found)
    }

    fn kind(&self, code: u8) -> Result<Kind> {
        Ok(match code {
            1 => Kind::True,
            2 => Kind::False,
            3 => Kind::Byte,
            4..=6 => Kind::Integer,
            7 => Kind::Double,
            8 => Kind::Bytes,
            // A set is stored as a list.
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Structure,
            _ => return Err(self.damaged("a type")),
        })
    }

    fn damaged(&self, expected: &'static str) -> ParquetProblem {
        ParquetProblem::Metadata { position: self.position, expected }
    }
}

/// Returns an integer of seven bits per byte and its number of bytes, at most ten.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut found = 0_u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        found |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Some((found, index + 1));
        }
    }
    None
}

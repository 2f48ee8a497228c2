use crate::data::parquet::thrift::{Kind, Thrift};
use crate::data::parquet_problem::ParquetProblem;

type Result<T> = std::result::Result<T, ParquetProblem>;

/// Header of a page.
pub(super) struct PageHeader {
    pub(super) content: Content,
    /// Size after the header.
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    /// Size of the header.
    pub(super) length: usize,
}

pub(super) enum Content {
    Dictionary {
        values: u64,
    },
    Data {
        values: u64,
        encoding: i32,
        levels: LevelBytes,
    },
    /// A page that is skipped.
    Other,
}

/// Place of the levels of a page.
pub(super) enum LevelBytes {
    /// Encodings of definition and repetition levels, whose lengths are before them.
    Inside { definition: i32, repetition: i32 },
    /// Lengths of the levels, which are not compressed, and whether the values are.
    Before { definition: u64, repetition: u64, is_compressed: bool },
}

impl PageHeader {
    /// Parses a header at the start of bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut thrift = Thrift::new(bytes);
        let (mut compressed, mut uncompressed) = (None, None);
        let (mut kind, mut content, mut previous) = (None, Content::Other, 0);
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                1 => kind = Some(thrift.code(field.kind)?),
                2 => uncompressed = Some(thrift.count(field.kind)?),
                3 => compressed = Some(thrift.count(field.kind)?),
                5 => content = data(&mut thrift, field.kind)?,
                7 => content = dictionary(&mut thrift, field.kind)?,
                8 => content = data_with_lengths(&mut thrift, field.kind)?,
                _ => thrift.skip(field.kind)?,
            }
        }
        let is_known = matches!(
            (kind, &content),
            (Some(0), Content::Data { levels: LevelBytes::Inside { .. }, .. })
                | (Some(2), Content::Dictionary { .. })
                | (Some(3), Content::Data { levels: LevelBytes::Before { .. }, .. })
        );
        if !is_known && matches!(kind, None | Some(0 | 2 | 3)) {
            return Err(missing("a header for its type"));
        }
        Ok(Self {
            content: if is_known { content } else { Content::Other },
            compressed: compressed.ok_or_else(|| missing("a size"))?,
            uncompressed: uncompressed.ok_or_else(|| missing("a size"))?,
            length: thrift.position(),
        })
    }
}

fn missing(value: &'static str) -> ParquetProblem {
    ParquetProblem::MissingValue { structure: "a page", value }
}

fn data(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Content> {
    thrift.structure(kind)?;
    let (mut values, mut encoding, mut previous) = (None, None, 0);
    let (mut definition, mut repetition) = (3, 3);
    while let Some(field) = thrift.field(&mut previous)? {
        match field.id {
            1 => values = Some(thrift.count(field.kind)?),
            2 => encoding = Some(thrift.code(field.kind)?),
            3 => definition = thrift.code(field.kind)?,
            4 => repetition = thrift.code(field.kind)?,
            _ => thrift.skip(field.kind)?,
        }
    }
    Ok(Content::Data {
        values: values.ok_or_else(|| missing("a number of values"))?,
        encoding: encoding.ok_or_else(|| missing("an encoding"))?,
        levels: LevelBytes::Inside { definition, repetition },
    })
}

fn data_with_lengths(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Content> {
    thrift.structure(kind)?;
    let (mut values, mut encoding, mut previous) = (None, None, 0);
    let (mut definition, mut repetition, mut is_compressed) = (0, 0, true);
    while let Some(field) = thrift.field(&mut previous)? {
        match field.id {
            1 => values = Some(thrift.count(field.kind)?),
            4 => encoding = Some(thrift.code(field.kind)?),
            5 => definition = thrift.count(field.kind)?,
            6 => repetition = thrift.count(field.kind)?,
            7 => is_compressed = thrift.boolean(field.kind)?,
            _ => thrift.skip(field.kind)?,
        }
    }
    Ok(Content::Data {
        values: values.ok_or_else(|| missing("a number of values"))?,
        encoding: encoding.ok_or_else(|| missing("an encoding"))?,
        levels: LevelBytes::Before { definition, repetition, is_compressed },
    })
}

fn dictionary(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Content> {
    thrift.structure(kind)?;
    let (mut values, mut previous) = (None, 0);
    while let Some(field) = thrift.field(&mut previous)? {
        match field.id {
            1 => values = Some(thrift.count(field.kind)?),
            _ => thrift.skip(field.kind)?,
        }
    }
    let values = values.ok_or_else(|| missing("a number of values"))?;
    Ok(Content::Dictionary { values })
}

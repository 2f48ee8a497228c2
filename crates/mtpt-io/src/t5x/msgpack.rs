//! The msgpack file of a checkpoint, as `flax.serialization` writes it.

use std::collections::HashMap;
use std::fmt::{self, Formatter};
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use rmp_serde::Deserializer;
use rmp_serde::decode::Error as DecodeError;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::error::Error;
use crate::error::{Result, TensorError};
use crate::fs::{self, IoError};

/// Codes of flax's msgpack extensions.
pub(super) const NUMPY_ARRAY: i8 = 1;
pub(super) const NUMPY_SCALAR: i8 = 3;

/// Largest number of nested branches. T5X nests ten.
const MAX_DEPTH: usize = 64;

/// A value of the file. Arrays stay encoded.
#[derive(Debug)]
pub(super) enum Node {
    Nothing,
    Integer(i64),
    Real(f64),
    Text(String),
    List(Vec<Self>),
    Branch(Vec<(String, Self)>),
    Extension(i8, Vec<u8>),
    /// A boolean, or bytes.
    Other(&'static str),
}

impl Node {
    /// Describes the value for a message.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Integer(number) => format!("the number {number}"),
            Self::Real(number) => format!("the number {number}"),
            Self::Text(text) => format!("the text `{text}`"),
            Self::List(_) => "a list".into(),
            Self::Branch(_) => "a dictionary".into(),
            Self::Extension(code, _) => format!("an extension of code {code}"),
            Self::Other(kind) => (*kind).into(),
        }
    }

    /// Returns the value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Branch(entries) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Returns the text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the sizes of axes: a list, or a dictionary of `"0"`, `"1"`, ..., as flax stores a
    /// tuple.
    pub(super) fn sizes(&self) -> Option<Vec<usize>> {
        self.items()?
            .into_iter()
            .map(|item| match item {
                Self::Integer(size) => usize::try_from(*size).ok(),
                _ => None,
            })
            .collect()
    }

    /// Returns the items of a list, or of a dictionary of `"0"`, `"1"`, ....
    pub(super) fn items(&self) -> Option<Vec<&Self>> {
        match self {
            Self::List(items) => Some(items.iter().collect()),
            Self::Branch(entries) => {
                let items: HashMap<&str, &Self> =
                    entries.iter().map(|(key, item)| (key.as_str(), item)).collect();
                let item = |number: usize| items.get(number.to_string().as_str()).copied();
                (0..entries.len()).map(item).collect()
            }
            _ => None,
        }
    }
}

/// The contents of the file, without the optimizer's state.
#[derive(Deserialize)]
struct Contents {
    version: Option<Node>,
    optimizer: Option<Optimizer>,
    /// The parameters in the first versions of T5X and in Orbax.
    target: Option<Node>,
}

#[derive(Deserialize)]
struct Optimizer {
    target: Option<Node>,
}

/// Reads the version and the parameters.
pub(super) fn read(path: &Path) -> Result<(i64, Node)> {
    let failed = |source| TensorError::from(IoError::new("read", path, source));
    let file = fs::open(path)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut deserializer = Deserializer::new(BufReader::new(file));
    deserializer.set_max_depth(MAX_DEPTH);
    let contents = Contents::deserialize(&mut deserializer).map_err(|error| match error {
        DecodeError::InvalidMarkerRead(source) | DecodeError::InvalidDataRead(source) => {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                Error::Truncated { path: path.to_owned(), length }.into()
            } else {
                failed(source)
            }
        }
        error => Error::Msgpack { path: path.to_owned(), source: error.into() }.into(),
    })?;
    let reader = deserializer.get_mut();
    if reader.read(&mut [0]).map_err(failed)? > 0 {
        let end = reader.stream_position().map_err(failed)? - 1;
        return Err(Error::Trailing { path: path.to_owned(), end }.into());
    }
    let version = match contents.version {
        Some(Node::Integer(version)) => version,
        _ => 0,
    };
    contents
        .optimizer
        .and_then(|optimizer| optimizer.target)
        .or(contents.target)
        .filter(|target| matches!(target, Node::Branch(_)))
        .map(|target| (version, target))
        .ok_or_else(|| Error::NoParameters { path: path.to_owned() }.into())
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that flax writes")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Node, E> {
        Ok(Node::Other("a boolean"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        // No size and no version is that large.
        Ok(i64::try_from(value).map_or(Node::Real(value as f64), Node::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, _value: &[u8]) -> Result<Node, E> {
        Ok(Node::Other("bytes"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Branch(entries))
    }

    /// Visits an extension.
    fn visit_newtype_struct<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Node, D::Error> {
        let (code, Bytes(bytes)) = Deserialize::deserialize(deserializer)?;
        Ok(Node::Extension(code, bytes))
    }
}

/// Bytes, which serde would read as a list of integers from a plain `Vec`.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(value.to_vec()))
            }

            fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(value))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

/// The payload of flax's array extensions: shape, numpy's name of the type, little-endian elements.
pub(super) type NumpyArray<'a> = (Vec<usize>, &'a str, &'a [u8]);

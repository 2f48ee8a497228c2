//! Mutations of Protocol Buffers, with correct lengths around the mutated field.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::integers::{extreme, write_variable_length};
use crate::mutate::{bytes, json};

/// Maximum number of messages that are inside each other.
const MAX_DEPTH: usize = 4;

/// A field: the number and wire type, and the encoded value.
#[derive(Clone)]
struct Field {
    key: u64,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Integer(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
}

/// Mutates a message once; `None` if the bytes are none.
pub(super) fn mutate(message: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    mutate_message(message, MAX_DEPTH, random)
}

fn mutate_message(message: &[u8], depth: usize, random: &mut impl Rng) -> Option<Vec<u8>> {
    let mut fields = parse(message)?;
    let index = random.random_range(0..fields.len());
    match random.random_range(0..16) {
        0 => {
            fields.remove(index);
        }
        1 => {
            let field = fields.choose(random)?.clone();
            let times = if random.random_bool(0.1) { 1_000 } else { 1 };
            fields.splice(index..index, std::iter::repeat_n(field, times));
        }
        2 => {
            let other = random.random_range(0..fields.len());
            fields.swap(index, other);
        }
        3 => fields[index].key = extreme(random),
        _ => match &mut fields[index].value {
            Value::Integer(value) => *value = extreme(random),
            Value::Fixed(value) => {
                let float = [f32::NAN, f32::INFINITY, f32::MIN, f32::MAX, -0.0].choose(random)?;
                value[..4].copy_from_slice(&float.to_le_bytes());
            }
            Value::Bytes(value) => *value = mutate_bytes(value, depth, random),
        },
    }
    Some(fields.iter().flat_map(encode).collect())
}

fn mutate_bytes(value: &[u8], depth: usize, random: &mut impl Rng) -> Vec<u8> {
    let inner = if depth > 0 { mutate_message(value, depth - 1, random) } else { None };
    if let Some(inner) = inner.filter(|_| random.random_bool(0.9)) {
        return inner;
    }
    let mut value = value.to_vec();
    match std::str::from_utf8(&value) {
        Ok(text) if random.random_bool(0.5) => json::other_string(text, random).into_bytes(),
        _ => {
            bytes::mutate(&mut value, &[], random);
            value
        }
    }
}

/// Returns the fields of a message with at least one field.
fn parse(mut message: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = read_integer(&mut message)?;
        let mut take = |length: usize| {
            let (value, rest) = message.split_at_checked(length)?;
            message = rest;
            Some(value.to_vec())
        };
        let value = match key & 7 {
            0 => Value::Integer(read_integer(&mut message)?),
            1 => Value::Fixed(take(8)?),
            5 => Value::Fixed(take(4)?),
            2 => {
                let length = usize::try_from(read_integer(&mut message)?).ok()?;
                let (value, rest) = message.split_at_checked(length)?;
                message = rest;
                Value::Bytes(value.to_vec())
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    (!fields.is_empty()).then_some(fields)
}

fn read_integer(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn encode(field: &Field) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_variable_length(field.key, &mut bytes);
    match &field.value {
        Value::Integer(value) => write_variable_length(*value, &mut bytes),
        Value::Fixed(value) => bytes.extend_from_slice(value),
        Value::Bytes(value) => {
            write_variable_length(value.len() as u64, &mut bytes);
            bytes.extend_from_slice(value);
        }
    }
    bytes
}

//! Mutations of JSON values.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Map, Value};

use crate::mutate::integers::extreme;

/// A string that is replaced by a token that [`Value`] can't represent.
const TOKEN: &str = "@@token@@";

/// Mutates a JSON text once; `None` if it is none.
pub(super) fn mutate(text: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    let token = mutate_value(&mut value, random);
    let text = value.to_string();
    Some(match token {
        Some(token) => text.replacen(&format!("\"{TOKEN}\""), &token, 1).into_bytes(),
        None => text.into_bytes(),
    })
}

/// Mutates a value, or one inside it. Returns the text to replace [`TOKEN`] by, if it is now part
/// of the value.
fn mutate_value(value: &mut Value, random: &mut impl Rng) -> Option<String> {
    match value {
        // Descends in most cases, so that deep values are as likely as flat ones.
        Value::Array(items) if !items.is_empty() && random.random_bool(0.85) => {
            let index = random.random_range(0..items.len());
            mutate_value(&mut items[index], random)
        }
        Value::Object(fields) if !fields.is_empty() && random.random_bool(0.85) => {
            let index = random.random_range(0..fields.len());
            mutate_value(fields.values_mut().nth(index)?, random)
        }
        // A configuration in the metadata of a file, for example.
        Value::String(text) if text.starts_with('{') && random.random_bool(0.9) => {
            let mutated = mutate(text.as_bytes(), random)?;
            *text = String::from_utf8(mutated).ok()?;
            None
        }
        _ if random.random_bool(0.15) => {
            *value = Value::from(TOKEN);
            Some(token(random))
        }
        Value::Object(fields) => mutate_object(fields, random),
        Value::Array(items) => {
            mutate_array(items, random);
            None
        }
        Value::String(text) => {
            *value = Value::from(other_string(text, random));
            None
        }
        _ => {
            *value = other_value(random);
            None
        }
    }
}

fn mutate_object(fields: &mut Map<String, Value>, random: &mut impl Rng) -> Option<String> {
    let keys: Vec<String> = fields.keys().cloned().collect();
    let key = keys.choose(random).cloned().unwrap_or_default();
    match random.random_range(0..5) {
        0 => {
            fields.remove(&key);
        }
        1 => {
            let renamed = other_string(&key, random);
            let value = fields.remove(&key).unwrap_or_default();
            fields.insert(renamed, value);
        }
        2 => {
            // The same key again, with another value.
            let value = fields.get(&key)?.clone();
            let again = format!("{value},{}:{}", Value::from(&*key), other_value(random));
            fields.insert(key, Value::from(TOKEN));
            return Some(again);
        }
        3 => {
            let value = fields.get(keys.choose(random)?)?.clone();
            fields.insert(key, value);
        }
        _ => {
            fields.insert(other_string(&key, random), other_value(random));
        }
    }
    None
}

fn mutate_array(items: &mut Vec<Value>, random: &mut impl Rng) {
    let item = items.choose(random).cloned().unwrap_or_else(|| other_value(random));
    match random.random_range(0..5) {
        0 if !items.is_empty() => {
            items.remove(random.random_range(0..items.len()));
        }
        1 => {
            let times = if random.random_bool(0.1) { 2_000 } else { 3 };
            items.extend(std::iter::repeat_n(item, random.random_range(1..=times)));
        }
        2 => items.clear(),
        3 => items.reverse(),
        _ => items.push(other_value(random)),
    }
}

/// Returns a value of any type.
fn other_value(random: &mut impl Rng) -> Value {
    match random.random_range(0..12) {
        0 => Value::Null,
        1 => Value::Bool(random.random()),
        2 => Value::from("x"),
        3 => Value::Array(Vec::new()),
        4 => Value::Object(Map::new()),
        5 => Value::from(-(extreme(random) as i64).wrapping_abs().max(1)),
        6 => Value::from(*[0.5, -0.0, 1e308, 1e-320, 1e17].choose(random).unwrap_or(&0.0)),
        7 => Value::Array(vec![Value::from(extreme(random)); random.random_range(1..5)]),
        _ => Value::from(extreme(random)),
    }
}

/// Returns a string that resembles another one, or is longer, empty or not ASCII.
pub(super) fn other_string(text: &str, random: &mut impl Rng) -> String {
    match random.random_range(0..10) {
        0 => String::new(),
        1 => "x".repeat(*[1, 255, 256, 65_535, 65_536, 70_000].choose(random).unwrap_or(&1)),
        2 => format!("{text}\u{0}"),
        3 => format!("ß{text}\u{301}"),
        4 => format!("{text}{text}"),
        5 => "../../etc/passwd".to_owned(),
        6 => "▁<extra_id_0> \u{202e}\u{fffd}😀".to_owned(),
        7 => extreme(random).to_string(),
        _ => {
            let mut characters: Vec<char> = text.chars().collect();
            if !characters.is_empty() {
                let index = random.random_range(0..characters.len());
                if random.random_bool(0.5) {
                    characters.remove(index);
                } else {
                    characters[index] =
                        *['a', ' ', '/', '.', '{', 'é'].choose(random).unwrap_or(&'a');
                }
            }
            characters.into_iter().collect()
        }
    }
}

/// Returns a token that is no JSON value, or one that no [`Value`] represents.
fn token(random: &mut impl Rng) -> String {
    let depth = *[8, 24, 127, 128, 129, 10_000].choose(random).unwrap_or(&8);
    match random.random_range(0..9) {
        0 => "1e999".to_owned(),
        1 => "18446744073709551616".to_owned(),
        2 => "-9223372036854775809".to_owned(),
        3 => "NaN".to_owned(),
        4 => format!("0.{}", "1".repeat(2_000)),
        5 => format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        6 => format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
        7 => "\"\\ud800\"".to_owned(),
        _ => "1".repeat(400),
    }
}

//! Mutations of lines: rows of tables, JSON objects, documents.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::json;

/// Signs that separate, quote or end fields and rows, or have several bytes.
const SIGNS: [&str; 14] =
    ["\t", ",", ";", "|", "\"", "\"\"", "\r", "\n", "\r\n", "\u{feff}", "\0", "é", "{", "]"];

/// Mutates a text once; `None` if it has no lines.
pub(super) fn mutate(text: &[u8], other: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> =
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return None;
    }
    let index = random.random_range(0..lines.len());
    let line = &mut lines[index];
    match random.random_range(0..9) {
        0..3 if line.starts_with(b"{") => {
            *line = json::mutate(line, random)?;
            line.push(b'\n');
        }
        0..4 => {
            let position = random.random_range(0..=line.len());
            let sign = SIGNS.choose(random)?.as_bytes();
            let times = if random.random_bool(0.05) { 5_000 } else { 1 };
            line.splice(position..position, sign.repeat(times));
        }
        4 => {
            let start = random.random_range(0..=line.len());
            line.truncate(start);
        }
        5 => {
            let length = *[256, 4_096, 65_536, 70_000].choose(random)?;
            let position = random.random_range(0..=line.len());
            line.splice(position..position, b"x".repeat(length));
        }
        6 => {
            lines.remove(index);
        }
        7 => {
            let line = lines.choose(random)?.clone();
            let times = if random.random_bool(0.05) { 500 } else { 1 };
            lines.splice(index..index, std::iter::repeat_n(line, times));
        }
        _ => {
            let others: Vec<&[u8]> = other.split_inclusive(|&byte| byte == b'\n').collect();
            lines[index] = others.choose(random)?.to_vec();
        }
    }
    Some(lines.concat())
}

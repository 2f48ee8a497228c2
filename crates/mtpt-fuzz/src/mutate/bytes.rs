//! Mutations that know nothing of the file.

use rand::{Rng, RngExt};

use crate::mutate::integers::extreme;

/// Maximum number of repetitions of a part.
const MAX_REPETITIONS: usize = 200;

/// Mutates bytes once.
pub(super) fn mutate(file: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) {
    if file.is_empty() {
        file.extend_from_slice(other);
        file.push(random.random());
        return;
    }
    let position = random.random_range(0..file.len());
    match random.random_range(0..12) {
        0 | 1 => file[position] ^= 1 << random.random_range(0..8_u32),
        2 => file[position] = random.random(),
        3 | 4 => {
            // Not a mutation of text, in which only digits are integers.
            let bytes = if random.random_bool(0.5) {
                extreme(random).to_le_bytes().to_vec()
            } else {
                extreme(random).to_be_bytes().to_vec()
            };
            let width = 1 << random.random_range(0..4_u32);
            let part = if bytes[0] == 0 { &bytes[8 - width..] } else { &bytes[..width] };
            for (old, new) in file[position..].iter_mut().zip(part) {
                *old = *new;
            }
        }
        5 => file.truncate(position),
        6 => {
            let end = part_end(file, position, random);
            file.drain(position..end);
        }
        7 => {
            let end = part_end(file, position, random);
            let part = file[position..end].to_vec();
            // Mostly few repetitions: many of them make the input too large.
            let limit = if random.random_bool(0.1) { MAX_REPETITIONS } else { 3 };
            let part = part.repeat(random.random_range(1..=limit));
            file.splice(position..position, part);
        }
        8 => file.insert(position, random.random()),
        9 if !other.is_empty() => {
            // The start of this file and the end of another one.
            file.truncate(position);
            file.extend_from_slice(&other[random.random_range(0..other.len())..]);
        }
        10 if !other.is_empty() => {
            let start = random.random_range(0..other.len());
            let end = part_end(other, start, random);
            let replaced = part_end(file, position, random);
            file.splice(position..replaced, other[start..end].iter().copied());
        }
        _ => {
            let digits = file.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit());
            let digits: Vec<usize> = digits.map(|(index, _)| index).collect();
            if digits.is_empty() {
                file[position] = random.random();
            } else {
                let start = digits[random.random_range(0..digits.len())];
                let length = file[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                file.splice(start..start + length, extreme(random).to_string().into_bytes());
            }
        }
    }
}

/// Returns the end of a part, of at most 64 bytes in most cases.
fn part_end(file: &[u8], start: usize, random: &mut impl Rng) -> usize {
    let limit = if random.random_bool(0.1) { file.len() } else { 64 };
    (start + random.random_range(1..=limit.max(1))).min(file.len())
}

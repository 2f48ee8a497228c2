//! Mutations of MessagePack, whose arrays, maps and texts announce their length.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::integers::extreme;

/// Mutates a file once; `None` if its first value is none.
pub(super) fn mutate(file: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let starts = heads(file);
    let &(start, length) = starts.choose(random)?;
    let value = extreme(random);
    let head = match random.random_range(0..10) {
        0 => Vec::new(),
        1 => vec![0xc0],
        2 => [&[0xcf], &value.to_be_bytes()[..]].concat(),
        3 => [&[0xd3], &(value as i64).wrapping_neg().to_be_bytes()[..]].concat(),
        // The length of an array, a map, a text, bytes, or an extension.
        4 => {
            [&[*[0xdd, 0xdf, 0xdb, 0xc6, 0xc9].choose(random)?], &(value as u32).to_be_bytes()[..]]
                .concat()
        }
        5 => vec![file[start].wrapping_add(1)],
        6 => vec![0x91; *[2, 100, 1_023, 1_024, 5_000, 100_000].choose(random)?],
        7 => {
            let &(other, length) = starts.choose(random)?;
            file[other..other + length].to_vec()
        }
        8 => [&[0xcb], &f64::NAN.to_be_bytes()[..]].concat(),
        _ => (0..length).map(|_| random.random()).collect(),
    };
    Some([&file[..start], &head, &file[start + length..]].concat())
}

/// Returns the positions and lengths of the heads of all values: the marker with the integer or
/// length after it. Extensions, which contain values in checkpoints of T5X, are searched as well.
fn heads(file: &[u8]) -> Vec<(usize, usize)> {
    let mut heads = Vec::new();
    let mut position = 0;
    while let Some(&marker) = file.get(position) {
        let (length, skipped) = match marker {
            0xcc | 0xd0 => (2, 0),
            0xcd | 0xd1 => (3, 0),
            0xca | 0xce | 0xd2 => (5, 0),
            0xcb | 0xcf | 0xd3 => (9, 0),
            0xdc | 0xde => (3, 0),
            0xdd | 0xdf => (5, 0),
            0xa0..=0xbf => (1, usize::from(marker & 31)),
            0xd9 | 0xc4 => (2, usize::from(*file.get(position + 1).unwrap_or(&0))),
            0xd4..=0xd8 => (2, 0),
            0xc7 => (3, 0),
            0xc8 => (4, 0),
            0xc9 => (6, 0),
            _ => (1, 0),
        };
        if position + length > file.len() {
            break;
        }
        heads.push((position, length));
        position += length + skipped;
    }
    heads
}

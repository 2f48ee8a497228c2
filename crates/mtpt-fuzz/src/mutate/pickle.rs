//! Mutations of pickles, opcode by opcode.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::integers::extreme;

/// Opcodes without an argument: marks, tuples, lists, dictionaries, calls, the stack, the memo.
const PLAIN: &[u8] = b"(0123lted]})\x85\x86\x87\x88\x89NsuaREQob\x81\x8f\x90\x91\x92\x93\x94.";

/// Mutates a pickle once; `None` for an empty one.
pub(super) fn mutate(file: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let starts = opcodes(file);
    let index = random.random_range(0..starts.len().checked_sub(1)?.max(1));
    let (start, end) = (starts[index], *starts.get(index + 1).unwrap_or(&file.len()));
    let opcode = match random.random_range(0..10) {
        0 => Vec::new(),
        1 => file[start..end].repeat(random.random_range(2..4)),
        2 => vec![*PLAIN.choose(random)?],
        3 => vec![*PLAIN.choose(random)?; *[1, 3, 1_000, 50_000].choose(random)?],
        4 => {
            let other = random.random_range(0..starts.len().max(2) - 1);
            let end = *starts.get(other + 1).unwrap_or(&file.len());
            [&file[start..*starts.get(index + 1)?], &file[starts[other]..end]].concat()
        }
        5 => {
            // A text, bytes or a long integer of a length that the file doesn't have.
            let opcode = *b"XBTU\x8b\x8a\x8c\x8d\x8eC".choose(random)?;
            [&[opcode], &extreme(random).to_le_bytes()[..]].concat()
        }
        6 => [b"j", &(extreme(random) as u32).to_le_bytes()[..]].concat(),
        7 => [b"r", &(extreme(random) as u32).to_le_bytes()[..]].concat(),
        8 => format!("cbuiltins\n{}\n", ["eval", "set", "list", "getattr"].choose(random)?)
            .into_bytes(),
        _ => {
            // An integer in place of another value, such as a shape or an offset.
            let bytes = extreme(random).to_le_bytes();
            match random.random_range(0..4) {
                0 => vec![b'K', bytes[0]],
                1 => vec![b'M', bytes[0], bytes[1]],
                2 => [b"J", &bytes[..4]].concat(),
                _ => [&[0x8a, 8], &bytes[..]].concat(),
            }
        }
    };
    Some([&file[..start], &opcode, &file[end..]].concat())
}

/// Returns the positions of opcodes up to the first one that is unknown or truncated.
fn opcodes(file: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut position = 0;
    while let Some(length) = file.get(position).and_then(|_| length(&file[position..])) {
        position += length;
        if position >= file.len() {
            break;
        }
        starts.push(position);
    }
    starts
}

/// Returns the length of the opcode at the start.
fn length(file: &[u8]) -> Option<usize> {
    let number = |width: usize| {
        let bytes = file.get(1..=width)?;
        let value = bytes
            .iter()
            .rev()
            .try_fold(0_usize, |sum, &byte| sum.checked_mul(256)?.checked_add(usize::from(byte)));
        value?.checked_add(1 + width)
    };
    let lines = |count: usize| {
        let ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        ends.map(|(index, _)| index + 1).nth(count - 1)
    };
    match file[0] {
        b'\x80' | b'K' | b'h' | b'q' | b'\x82' => Some(2),
        b'M' | b'\x83' => Some(3),
        b'J' | b'j' | b'r' | b'\x84' => Some(5),
        b'G' | b'\x95' => Some(9),
        b'U' | b'C' | b'\x8c' | b'\x8a' => number(1),
        b'X' | b'B' | b'T' | b'\x8b' => number(4),
        b'\x8d' | b'\x8e' | b'\x96' => number(8),
        b'c' | b'i' => lines(2),
        b'F' | b'I' | b'L' | b'S' | b'V' | b'P' | b'p' | b'g' => lines(1),
        _ => Some(1),
    }
}

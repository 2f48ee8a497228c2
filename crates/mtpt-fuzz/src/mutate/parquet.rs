//! Mutations of Parquet files: of the footer with a correct length, or of the pages.

use rand::{Rng, RngExt};

use crate::mutate::bytes;
use crate::mutate::integers::{extreme, write_variable_length};

/// Length of the footer's length and the magic number after it.
const END: usize = 8;

/// Mutates a file once; `None` if it has no footer.
pub(super) fn mutate(file: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let (rest, end) = file.split_at_checked(file.len().checked_sub(END)?)?;
    let length = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
    let (pages, footer) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
    let (mut pages, mut footer) = (pages.to_vec(), footer.to_vec());
    let part = if random.random_bool(0.6) { &mut footer } else { &mut pages };
    if random.random_bool(0.4) {
        mutate_integer(part, random)?;
    } else {
        bytes::mutate(part, &[], random);
    }
    let length = (footer.len() as u32).to_le_bytes();
    Some([&pages[..], &footer, &length, &end[4..]].concat())
}

/// Replaces bytes by an extreme integer in the variable-length encoding of Thrift.
fn mutate_integer(part: &mut Vec<u8>, random: &mut impl Rng) -> Option<()> {
    let start = random.random_range(0..part.len().max(1));
    let length = part.get(start..)?.iter().take_while(|byte| **byte >= 128).count() + 1;
    let mut bytes = Vec::new();
    write_variable_length(extreme(random), &mut bytes);
    part.splice(start..(start + length).min(part.len()), bytes);
    Some(())
}

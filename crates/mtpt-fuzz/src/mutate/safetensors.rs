//! Mutations of the JSON header of a safetensors file.

use rand::{Rng, RngExt};

use crate::mutate::{bytes, json};

/// Mutates a file once, with a correct length of the header; `None` if it is not in this format.
pub(super) fn mutate(file: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (header, data) = rest.split_at_checked(length)?;
    let (header, mut data) = (json::mutate(header, random)?, data.to_vec());
    if random.random_bool(0.1) {
        bytes::mutate(&mut data, &[], random);
    }
    let length = (header.len() as u64).to_le_bytes();
    Some([&length[..], &header, &data].concat())
}

//! Mutations of the header of a `.npy` file.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::integers::extreme;

/// Length of the magic number, the version and the length of the header in version 1.
const START: usize = 10;

/// Mutates a file of version 1 once, with a correct length of the header; `None` if it is not in
/// this format.
pub(super) fn mutate(file: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let (start, rest) = file.split_at_checked(START)?;
    let length = usize::from(u16::from_le_bytes([start[8], start[9]]));
    let (header, data) = rest.split_at_checked(length)?;
    let mut header = std::str::from_utf8(header).ok()?.to_owned();
    let fields = header.match_indices(['\'', '(', ',', ' ', ':']);
    let positions: Vec<usize> = fields.map(|(position, _)| position + 1).collect();
    let position = *positions.choose(random)?;
    let end = header[position..]
        .find(['\'', ')', ',', ' ', ':'])
        .map_or(header.len(), |it| position + it);
    let depth = *[3, 20, 60, 2_000].choose(random)?;
    let token = match random.random_range(0..10) {
        0 => format!("{}{}", "(".repeat(depth), ")".repeat(depth)),
        1 => format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        2 => format!("{}{}", "{1:".repeat(depth), "}".repeat(depth)),
        3 => "-1".to_owned(),
        4 => (*["True", "False", "None", "<f4", ">f8", "|O", "<i8", "<U9", "|S4"]
            .choose(random)?)
        .into(),
        5 => String::new(),
        6 => "1,".repeat(random.random_range(1..60)),
        _ => extreme(random).to_string(),
    };
    header.replace_range(position..end.max(position), &token);
    let length = u16::try_from(header.len()).ok()?.to_le_bytes();
    Some([&start[..8], &length, header.as_bytes(), data].concat())
}

//! Mutations of inputs, deterministic in the random number generator.

mod bytes;
mod compressed;
mod integers;
mod json;
mod lines;
mod message_pack;
mod npy;
mod parquet;
mod pickle;
mod protobuf;
mod safetensors;
mod structure;
mod toml;
mod zip;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::input::Input;

/// Mutates one to four times a file of an input. `seeds` are other inputs of the target, of which
/// parts may be inserted.
pub fn mutate(input: &mut Input, seeds: &[Input], random: &mut impl Rng) {
    let names: Vec<String> = input.files.keys().cloned().collect();
    let Some(name) = names.choose(random) else { return };
    if names.len() > 1 && random.random_bool(0.02) {
        input.files.remove(name);
        return;
    }
    let Some(file) = input.files.get_mut(name) else { return };
    let other = seeds.choose(random).and_then(|seed| seed.files.get(name));
    structure::mutate_file(name, file, other.map_or(&[], Vec::as_slice), random);
}

//! Mutations of the contents of compressed files.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rand::{Rng, RngExt};

/// Maximum length of contents.
const MAX_CONTENTS: u64 = 1 << 20;

/// Mutates the contents and compresses them again; `None` for a damaged file.
pub(super) fn mutate_gzip<R: Rng>(
    file: &[u8],
    random: &mut R,
    mutate_contents: fn(&str, &mut Vec<u8>, &mut R),
) -> Option<Vec<u8>> {
    let mut contents = Vec::new();
    MultiGzDecoder::new(file).take(MAX_CONTENTS).read_to_end(&mut contents).ok()?;
    mutate_or_expand(&mut contents, random, mutate_contents);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&contents).ok()?;
    let mut compressed = encoder.finish().ok()?;
    if random.random_bool(0.1) {
        // Several members in a row.
        compressed = compressed.repeat(random.random_range(2..20));
    }
    Some(compressed)
}

/// Mutates the contents and compresses them again; `None` for a damaged file.
pub(super) fn mutate_zstd<R: Rng>(
    file: &[u8],
    random: &mut R,
    mutate_contents: fn(&str, &mut Vec<u8>, &mut R),
) -> Option<Vec<u8>> {
    let mut contents = Vec::new();
    let decoder = zstd::Decoder::new(file).ok()?;
    decoder.take(MAX_CONTENTS).read_to_end(&mut contents).ok()?;
    mutate_or_expand(&mut contents, random, mutate_contents);
    zstd::encode_all(&*contents, 1).ok()
}

fn mutate_or_expand<R: Rng>(
    contents: &mut Vec<u8>,
    random: &mut R,
    mutate_contents: fn(&str, &mut Vec<u8>, &mut R),
) {
    if random.random_bool(0.02) {
        // Contents that are a thousand times as long as the file.
        *contents = contents.get(..1).unwrap_or(b" ").repeat(random.random_range(1..64 << 20));
    } else {
        let name = if contents.starts_with(b"{") { "rows.jsonl" } else { "rows.csv" };
        mutate_contents(name, contents, random);
    }
}

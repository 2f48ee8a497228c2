//! Mutations of the members of zip files: `.npz` files and PyTorch checkpoints.

use std::io::{Cursor, Read, Write};

use rand::{Rng, RngExt};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Maximum length of a member.
const MAX_MEMBER: u64 = 1 << 20;

/// Mutates a member with `mutate_contents`, which gets its name, and writes the archive again;
/// `None` for a damaged archive.
pub(super) fn mutate<R: Rng>(
    file: &[u8],
    random: &mut R,
    mutate_contents: fn(&str, &mut Vec<u8>, &mut R),
) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).ok()?;
        let (name, method) = (member.name().ok()?.into_owned(), member.compression());
        let mut contents = Vec::new();
        member.take(MAX_MEMBER).read_to_end(&mut contents).ok()?;
        members.push((name, method, contents));
    }
    if members.is_empty() {
        return None;
    }
    // The structure of a checkpoint is in its pickle, not in the data of its tensors.
    let pickle = members.iter().position(|(name, ..)| name.ends_with(".pkl"));
    let any = random.random_range(0..members.len());
    let index = pickle.filter(|_| random.random_bool(0.8)).unwrap_or(any);
    match random.random_range(0..20) {
        0 => {
            members.remove(index);
        }
        1 => members[index].0.push('x'),
        2 => {
            members[index].1 = CompressionMethod::Deflated;
            members[index].2.resize(random.random_range(0..4 << 20), 0);
        }
        _ => {
            let (name, _, contents) = &mut members[index];
            mutate_contents(name, contents, random);
        }
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, method, contents) in members {
        let is_known = matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated);
        let method = if is_known { method } else { CompressionMethod::Stored };
        writer.start_file(name, SimpleFileOptions::default().compression_method(method)).ok()?;
        writer.write_all(&contents).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

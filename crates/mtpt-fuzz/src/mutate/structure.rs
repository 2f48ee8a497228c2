use rand::{Rng, RngExt};

use crate::mutate::{bytes, compressed, json, lines, message_pack, npy, parquet, pickle, protobuf};
use crate::mutate::{safetensors, toml, zip};

/// Structure of a file that a mutation keeps intact, so that it reaches the checks behind that of
/// the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    Gzip,
    Json,
    Lines,
    MessagePack,
    Npy,
    Parquet,
    Pickle,
    Protobuf,
    Safetensors,
    Toml,
    Zip,
    Zstd,
}

impl Structure {
    /// Detects the structure of a file by its first bytes, or by its name.
    pub(super) fn of(name: &str, file: &[u8]) -> Option<Self> {
        let starts = [
            (&b"\x1f\x8b"[..], Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x93NUMPY", Self::Npy),
            (b"PAR1", Self::Parquet),
            (b"PK\x03\x04", Self::Zip),
        ];
        if let Some((_, found)) = starts.iter().find(|(start, _)| file.starts_with(start)) {
            return Some(*found);
        }
        let name = name.rsplit('/').next().unwrap_or_default();
        let ends = [
            (".json", Self::Json),
            (".zarray", Self::Json),
            (".jsonl", Self::Lines),
            (".csv", Self::Lines),
            (".tsv", Self::Lines),
            (".txt", Self::Lines),
            (".toml", Self::Toml),
            (".safetensors", Self::Safetensors),
            (".bpk", Self::MessagePack),
            (".model", Self::Protobuf),
            (".pkl", Self::Pickle),
            ("checkpoint", Self::MessagePack),
        ];
        ends.iter().find(|(end, _)| name.ends_with(end)).map(|(_, found)| *found)
    }

    /// Mutates a file once. Returns whether it has the structure.
    pub(super) fn mutate(self, file: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) -> bool {
        let mutated = match self {
            Self::Gzip => compressed::mutate_gzip(file, random, mutate_contents),
            Self::Json => json::mutate(file, random),
            Self::Lines => lines::mutate(file, other, random),
            Self::MessagePack => message_pack::mutate(file, random),
            Self::Npy => npy::mutate(file, random),
            Self::Parquet => parquet::mutate(file, random),
            Self::Pickle => pickle::mutate(file, random),
            Self::Protobuf => protobuf::mutate(file, random),
            Self::Safetensors => safetensors::mutate(file, random),
            Self::Toml => toml::mutate(file, random),
            Self::Zip => zip::mutate(file, random, mutate_contents),
            Self::Zstd => compressed::mutate_zstd(file, random, mutate_contents),
        };
        match mutated {
            Some(mutated) => *file = mutated,
            None => return false,
        }
        true
    }
}

/// Mutates one to four times the bytes of a file, whose structure is detected by its name and
/// content.
pub(super) fn mutate_file(name: &str, file: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) {
    let structure = Structure::of(name, file);
    let times = 1 << random.random_range(0..3_u32);
    for _ in 0..random.random_range(1..=times) {
        let is_mutated =
            random.random_bool(0.75) && structure.is_some_and(|it| it.mutate(file, other, random));
        if !is_mutated {
            bytes::mutate(file, other, random);
        }
    }
}

/// Mutates contents of a container, which have a structure of their own.
fn mutate_contents(name: &str, contents: &mut Vec<u8>, random: &mut impl Rng) {
    mutate_file(name, contents, &[], random);
}

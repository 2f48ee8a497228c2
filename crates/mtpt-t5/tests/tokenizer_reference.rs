//! Ids and texts of SentencePiece models, compared with sentencepiece.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use mtpt_t5::{T5Tokenizer, read_config};
use serde::Deserialize;

use crate::fixtures::folder;

/// Values of `generate_tokenizer_reference.py`, which describes them.
#[derive(Deserialize)]
struct Reference {
    ids: Vec<Vec<u32>>,
    texts: Vec<Option<String>>,
    transformers: BTreeMap<usize, Vec<u32>>,
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap()
}

/// The folder of the reference values: the fixture, or a larger one.
fn reference() -> PathBuf {
    std::env::var_os("MTPT_TOKENIZERS").map_or_else(|| folder("tokenizers"), PathBuf::from)
}

/// Texts with a token that is found before the rest of the text is encoded.
fn has_token(text: &str) -> bool {
    ["</s>", "<pad>", "<unk>", "<extra_id_"].iter().any(|token| text.contains(token))
}

/// Compares all texts with the values of a model, and returns how many ids differ from those of
/// transformers.
fn check(name: &str) -> usize {
    let root = reference();
    let texts: Vec<String> = json(&root.join("texts.json"));
    let folder = root.join(name);
    let expected: Reference = json(&folder.join("reference.json"));
    let tokenizer = T5Tokenizer::load(&folder, &read_config(&folder).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (position, text) in texts.iter().enumerate() {
        let ids = tokenizer.encode(text).unwrap();
        if ids != expected.ids[position] {
            wrong.push(format!("{text:?}: {:?}, not {ids:?}", expected.ids[position]));
        }
        let decoded = tokenizer.decode(&expected.ids[position]).unwrap();
        let original = expected.texts[position].as_ref().unwrap_or(text);
        // Sentencepiece prints a mark for unknown tokens, which are special tokens here.
        let has_unknown = expected.ids[position].contains(&2);
        if !has_token(text) && !has_unknown && decoded != *original {
            wrong.push(format!("{text:?}: text {original:?}, not {decoded:?}"));
        }
    }
    let count = wrong.len();
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{name}: {count} of {}:\n{}", texts.len(), wrong.join("\n"));
    expected.transformers.len()
}

#[test]
fn every_model_is_checked() {
    let folders = fs::read_dir(reference()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = folders
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort_unstable();
    assert_eq!(found, MODELS);
}

macro_rules! models {
    ($($name:ident)*) => {
        const MODELS: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check(stringify!($name)); })*
    };
}

models! {
    bpe bpe_bytes bpe_symbols mt5 unigram unigram_bytes unigram_identity unigram_spaces
    unigram_suffix unigram_symbols unigram_unescaped unigram_unused
}

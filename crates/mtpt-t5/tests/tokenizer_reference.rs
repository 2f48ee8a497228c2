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

/// Compares all texts with the values of a model.
fn check(name: &str) {
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
    for (position, ids) in expected.transformers {
        assert_ne!(tokenizer.encode(&texts[position]).unwrap(), ids, "sentencepiece is followed");
    }
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

/// All of them, in alphabetical order.
const MODELS: [&str; 12] = [
    "bpe",
    "bpe_bytes",
    "bpe_symbols",
    "mt5",
    "unigram",
    "unigram_bytes",
    "unigram_identity",
    "unigram_spaces",
    "unigram_suffix",
    "unigram_symbols",
    "unigram_unescaped",
    "unigram_unused",
];

#[test]
fn bpe() {
    check("bpe");
}

#[test]
fn bpe_bytes() {
    check("bpe_bytes");
}

#[test]
fn bpe_symbols() {
    check("bpe_symbols");
}

#[test]
fn mt5() {
    check("mt5");
}

#[test]
fn unigram() {
    check("unigram");
}

#[test]
fn unigram_bytes() {
    check("unigram_bytes");
}

#[test]
fn unigram_identity() {
    check("unigram_identity");
}

#[test]
fn unigram_spaces() {
    check("unigram_spaces");
}

#[test]
fn unigram_suffix() {
    check("unigram_suffix");
}

#[test]
fn unigram_symbols() {
    check("unigram_symbols");
}

#[test]
fn unigram_unescaped() {
    check("unigram_unescaped");
}

#[test]
fn unigram_unused() {
    check("unigram_unused");
}

/// Values of transformers for folders with further files.
#[derive(Deserialize)]
struct Folders {
    texts: Vec<String>,
    folders: BTreeMap<String, Folder>,
}

#[derive(Deserialize)]
struct Folder {
    has_model: bool,
    files: BTreeMap<String, serde_json::Value>,
    ids: Vec<Vec<u32>>,
    decoded: Vec<String>,
}

/// Compares a folder with the values of transformers' tokenizer.
fn check_folder(name: &str) {
    let root = folder("tokenizers");
    let Folders { texts, mut folders } = json(&root.join("folders.json"));
    let Folder { has_model, files, ids, decoded } = folders.remove(name).unwrap();
    let place = tempfile::tempdir().unwrap();
    for (file, content) in files {
        fs::write(place.path().join(file), content.to_string()).unwrap();
    }
    if has_model {
        let model = "spiece.model";
        fs::copy(root.join("unigram").join(model), place.path().join(model)).unwrap();
    }
    let config = read_config(&root.join("unigram")).unwrap();
    let tokenizer = T5Tokenizer::load(place.path(), &config).unwrap();
    for (position, text) in texts.iter().enumerate() {
        let (ids, decoded) = (&ids[position], &decoded[position]);
        assert_eq!(tokenizer.encode(text).unwrap(), *ids, "{name}: {text:?}");
        assert_eq!(tokenizer.decode(ids).unwrap(), *decoded, "{name}: {ids:?}");
    }
}

#[test]
fn every_folder_is_checked() {
    let Folders { folders, .. } = json(&folder("tokenizers").join("folders.json"));
    assert_eq!(folders.keys().collect::<Vec<_>>(), FOLDERS);
}

/// All of them, in alphabetical order.
const FOLDERS: [&str; 15] = [
    "added_tokens_decoder",
    "added_tokens_json",
    "added_tokens_only",
    "additional_special_tokens",
    "byt5",
    "byt5_no_sentinels",
    "byt5_stripped",
    "few_sentinels",
    "json_with_added_tokens",
    "json_with_end",
    "json_with_padding",
    "json_with_sentinels",
    "json_without_end",
    "no_sentinels",
    "special_tokens_map",
];

#[test]
fn added_tokens_decoder() {
    check_folder("added_tokens_decoder");
}

#[test]
fn added_tokens_json() {
    check_folder("added_tokens_json");
}

#[test]
fn added_tokens_only() {
    check_folder("added_tokens_only");
}

#[test]
fn additional_special_tokens() {
    check_folder("additional_special_tokens");
}

#[test]
fn byt5() {
    check_folder("byt5");
}

#[test]
fn byt5_no_sentinels() {
    check_folder("byt5_no_sentinels");
}

#[test]
fn byt5_stripped() {
    check_folder("byt5_stripped");
}

#[test]
fn few_sentinels() {
    check_folder("few_sentinels");
}

#[test]
fn json_with_added_tokens() {
    check_folder("json_with_added_tokens");
}

#[test]
fn json_with_end() {
    check_folder("json_with_end");
}

#[test]
fn json_with_padding() {
    check_folder("json_with_padding");
}

#[test]
fn json_with_sentinels() {
    check_folder("json_with_sentinels");
}

#[test]
fn json_without_end() {
    check_folder("json_without_end");
}

#[test]
fn no_sentinels() {
    check_folder("no_sentinels");
}

#[test]
fn special_tokens_map() {
    check_folder("special_tokens_map");
}

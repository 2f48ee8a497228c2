//! Selection of the files that a tokenizer is read from, and messages about them.

use std::fs;
use std::path::Path;

use mtpt_t5::{T5Config, T5Tokenizer, read_config};
use serde_json::json;
use tempfile::TempDir;

use crate::fixtures::{folder, message};

/// A model folder with files.
struct Place {
    folder: TempDir,
    config: T5Config,
}

impl Place {
    /// Creates a folder with the `spiece.model` of a fixture.
    fn with_model(name: &str) -> Self {
        let place = Self::empty();
        let model = folder("tokenizers").join(name).join("spiece.model");
        fs::copy(model, place.folder.path().join("spiece.model")).unwrap();
        place
    }

    fn empty() -> Self {
        let config = read_config(&folder("tokenizers/unigram")).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), config }
    }

    fn write(self, name: &str, content: impl ToString) -> Self {
        fs::write(self.folder.path().join(name), content.to_string()).unwrap();
        self
    }

    fn vocab_size(mut self, size: usize) -> Self {
        self.config.vocab_size = size;
        self
    }

    fn load(&self) -> T5Tokenizer {
        T5Tokenizer::load(self.folder.path(), &self.config).unwrap()
    }

    fn error(&self) -> String {
        message(&T5Tokenizer::load(self.folder.path(), &self.config).unwrap_err())
    }
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn sentinels_follow_the_pieces_unless_they_are_pieces() {
    let place = Place::with_model("unigram");
    assert_eq!(place.load().vocab_size(), 600);
    assert_eq!(place.load().sentinel_ids(), (500..600).rev().collect::<Vec<_>>());
    // mT5's names begin with the mark of a space. They are found without a declaration.
    let place = Place::with_model("mt5");
    let tokenizer = place.load();
    assert_eq!(tokenizer.vocab_size(), 700);
    let sentinels = tokenizer.sentinel_ids();
    assert_eq!(sentinels.len(), 100);
    assert_eq!(tokenizer.token(sentinels[7]).unwrap(), "▁<extra_id_7>");
    let ids = tokenizer.encode("a <extra_id_7> b").unwrap();
    assert!(ids.contains(&sentinels[7]), "{ids:?}");
}

#[test]
fn undeclared_sentinels_need_room() {
    let place = Place::with_model("unigram").vocab_size(512);
    assert_eq!(place.load().vocab_size(), 500);
    assert!(place.load().sentinel_ids().is_empty());
    let declared = place.write("tokenizer_config.json", json!({ "extra_ids": 100 }));
    assert_contains(&declared.error(), &["ids up to 599", "vocabulary size is 512"]);
}

#[test]
fn control_pieces_are_not_part_of_a_text_unless_declared() {
    let place = Place::with_model("unigram_symbols");
    let tokenizer = place.load();
    let control = (0..500).find(|&id| tokenizer.token(id).as_deref() == Some("<s>")).unwrap();
    assert!(!tokenizer.encode("a <s> b").unwrap().contains(&control));
    assert_eq!(tokenizer.decode(&[control]).unwrap(), "");
    let place = place.write("special_tokens_map.json", json!({ "bos_token": "<s>" }));
    assert!(place.load().encode("a <s> b").unwrap().contains(&control));
}

#[test]
fn unknown_tokens_are_known_by_kind() {
    assert_eq!(Place::with_model("unigram").load().unknown_id(), Some(2));
    let json = folder("tokenizer").join("tokenizer.json");
    assert_eq!(T5Tokenizer::from_tokenizer_json(&json).unwrap().unknown_id(), Some(2));
    let bytes = json!({ "tokenizer_class": "ByT5Tokenizer" });
    let bytes = Place::empty().write("tokenizer_config.json", bytes);
    assert_eq!(bytes.load().unknown_id(), None);
}

#[test]
fn byt5_needs_no_tokenizer_file() {
    for config in [
        json!({ "model_type": "t5", "tokenizer_class": "ByT5Tokenizer" }),
        json!({ "model_type": "t5", "vocab_size": 384 }),
    ] {
        let place = Place::empty().write("config.json", config).vocab_size(384);
        let tokenizer = place.load();
        assert_eq!(tokenizer.encode("hé").unwrap(), [107, 198, 172, 1]);
        // Half a character is omitted.
        assert_eq!(tokenizer.decode(&[107, 198, 1]).unwrap(), "h");
        assert_eq!(tokenizer.sentinel_ids(), (259..384).collect::<Vec<_>>());
        assert_eq!(tokenizer.token(3 + 0xe6).unwrap(), "<0xE6>");
    }
    assert_contains(&Place::empty().error(), &["contains no tokenizer"]);
}

#[test]
fn other_classes_are_rejected_by_name() {
    for class in ["MyT5Tokenizer", "BertTokenizer", "RobertaTokenizerFast"] {
        let config = json!({ "tokenizer_class": class });
        let place = Place::empty().write("tokenizer_config.json", config);
        let name = class.trim_end_matches("Fast");
        assert_contains(&place.error(), &[&format!("class `{name}`"), "`tokenizer.json`"]);
    }
}

#[test]
fn byte_fallback_is_restored_in_a_converted_tokenizer() {
    // Converters drop the setting of a `spiece.model` with a piece for every byte.
    let mut vocab = vec![json!(["<pad>", 0.0]), json!(["</s>", 0.0]), json!(["<unk>", 0.0])];
    vocab.extend((0..=255).map(|byte| json!([format!("<0x{byte:02X}>"), 0.0])));
    vocab.extend([json!(["▁", -2.0]), json!(["a", -2.0])]);
    let metaspace = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always" });
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": metaspace, "post_processor": null,
        "decoder": metaspace,
        "model": { "type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": false }
    });
    let tokenizer = Place::empty().write("tokenizer.json", file).load();
    let ids = tokenizer.encode("a川").unwrap();
    assert_eq!(ids, [259, 260, 3 + 0xe5, 3 + 0xb7, 3 + 0x9d, 1]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "a川");
}

#[test]
fn a_line_break_as_a_token_is_not_every_space() {
    // `added_tokens.json` has no flags; the normalizer replaces a line break by a space.
    let place = Place::with_model("unigram").write("added_tokens.json", json!({ "\n": 600 }));
    let tokenizer = place.load();
    let ids = tokenizer.encode("the of\nthe").unwrap();
    assert_eq!(ids.iter().filter(|id| **id == 600).count(), 1, "{ids:?}");
    assert_eq!(tokenizer.encode("the of the").unwrap().iter().max(), Some(&158));
}

#[test]
fn damaged_files_are_named_with_line_or_field() {
    let config = "tokenizer_config.json";
    let check = |name: &str, content: &str, parts: &[&str]| {
        let place = Place::with_model("unigram").write(name, content);
        assert_contains(&place.error(), &[&[name], parts].concat());
    };
    check(config, "{\n\"extra_ids\": }", &["not valid JSON: line 2, column 14"]);
    check(config, "[]", &["must be a JSON object, but is a list"]);
    check(config, r#"{"extra_ids": "many"}"#, &["`extra_ids`", "a number", "`\"many\"`"]);
    check(
        config,
        r#"{"tokenizer_class": 5}"#,
        &["`tokenizer_class`", "must be a text, but is `5`"],
    );
    check(
        "config.json",
        r#"{"tokenizer_class": ["T5"]}"#,
        &["`tokenizer_class`", "must be a text"],
    );
    check("config.json", r#"{"model_type": 5}"#, &["`model_type`", "must be a text, but is `5`"]);
    check("config.json", "{\n", &["not valid JSON: line 2"]);
    let decoder = r#"{"added_tokens_decoder": {"x": {"content": "a"}}}"#;
    check(config, decoder, &["`added_tokens_decoder.x`"]);
    let decoder = r#"{"added_tokens_decoder": {"600": {"content": "a"}, "601": {"content": "a"}}}"#;
    check(config, decoder, &["two added tokens", "`a`"]);
    check("added_tokens.json", r#"{"<sep>": -1}"#, &["`<sep>`", "an id", "`-1`"]);
    check("special_tokens_map.json", r#"{"eos_token": {}}"#, &["`eos_token.content`"]);
    check("tokenizer.json", "{\n", &["not valid JSON: line 2"]);
    check("tokenizer.json", "{}", &["is not a valid tokenizer"]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 791656\n";
    for name in ["spiece.model", "tokenizer.json", config] {
        check(name, pointer, &["found a Git LFS pointer to a file of 791656 bytes"]);
        check(name, "<!doctype html><html></html>", &["found an HTML page"]);
        check(name, "", &["found an empty file"]);
    }
    check("spiece.model", "\u{1}\u{2}\u{3}", &["is not a SentencePiece model"]);
}

#[test]
fn added_tokens_with_another_id_than_the_piece_are_rejected() {
    let place = Place::with_model("unigram").write("added_tokens.json", json!({ "▁the": 600 }));
    let parts = ["`▁the` has id 600 in", "added_tokens.json`, but id 90 in", "spiece.model`"];
    assert_contains(&place.error(), &parts);
    let beyond = Place::with_model("unigram").write("added_tokens.json", json!({ "<sep>": 1024 }));
    assert_contains(&beyond.error(), &["ids up to 1024", "vocabulary size is 1024"]);
}

#[test]
fn the_real_tokenizer_ends_every_text() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/tokenizer");
    if !shared.is_dir() {
        println!("skipped: `{}` is absent", shared.display());
        return;
    }
    let tokenizer = T5Tokenizer::load(&shared, &T5Config::small()).unwrap();
    assert_eq!(tokenizer.end_id(), Some(1));
    assert_eq!(tokenizer.unknown_id(), Some(2));
}

use std::path::{Path, PathBuf};

use mtpt_t5::{T5Config, T5Tokenizer};

use crate::fixtures::folder;

/// T5's own tokenizer, which is not part of this project.
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/tokenizer");
    if !folder.is_dir() {
        println!("skipped: `{}` is absent", folder.display());
        return None;
    }
    Some(folder)
}

const TEXTS: [&str; 22] = [
    "",
    " ",
    "a",
    "Hello, world!",
    "  two  blanks\tand a tab\nand a line ",
    "translate English to German: The house is wonderful.",
    "The <extra_id_0> walks in <extra_id_1> park<extra_id_99>",
    "<pad></s><unk> are tokens, </S> is not",
    "Ünïcödé, naïve café, Straße, Internațional",
    "ﬁne ligatures, ½ and ² and Ⅷ, ＦＵＬＬ width",
    "日本語のテキスト и русский текст и עברית",
    "emoji 👍🏽 and a family 👨‍👩‍👧",
    "zero\u{200b}width\u{feff} and no\u{a0}break",
    "combining e\u{301} and \u{1100}\u{1161}",
    "12345.678 $9,999.99 50%",
    "under_score camelCase kebab-case snake_case",
    "▁metaspace ▁ itself",
    "http://example.org/a?b=c&d=e#f",
    "quotes “curly” ‘single’ «angled» and … dots — dashes",
    "control \u{1} characters \u{7f} here",
    "sst2 sentence: it 's a charming and often affecting journey .",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

#[test]
fn sentence_piece_ids_match_tokenizer_json() {
    let Some(folder) = shared() else { return };
    let json = T5Tokenizer::from_tokenizer_json(&folder.join("tokenizer.json")).unwrap();
    let pieces = T5Tokenizer::from_sentence_piece(&folder.join("spiece.model")).unwrap();
    assert_eq!(pieces.vocab_size(), 32100);
    assert_eq!(json.vocab_size(), 32100);
    for text in TEXTS {
        let ids = json.encode(text).unwrap();
        assert_eq!(ids.last(), Some(&1), "{text:?}");
        assert_eq!(pieces.encode(text).unwrap(), ids, "{text:?}");
        assert_eq!(pieces.decode(&ids).unwrap(), json.decode(&ids).unwrap(), "{text:?}");
    }
    pieces.check_fits(&T5Config::small()).unwrap();
}

#[test]
fn known_ids() {
    let Some(folder) = shared() else { return };
    let tokenizer = T5Tokenizer::load(&folder, &T5Config::small()).unwrap();
    assert_eq!(tokenizer.encode("The house is wonderful.").unwrap(), [37, 629, 19, 1627, 5, 1]);
    assert_eq!(tokenizer.encode("<extra_id_0>").unwrap(), [32099, 1]);
    assert_eq!(tokenizer.decode(&[37, 629, 19, 1627, 5, 1, 0]).unwrap(), "The house is wonderful.");
    assert_eq!(tokenizer.decode_with_special_tokens(&[37, 1]).unwrap(), "The</s>");
}

#[test]
fn sentinels_are_in_order() {
    let ids = |path: &Path| T5Tokenizer::from_tokenizer_json(path).unwrap().sentinel_ids();
    let nano = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models/mtpt-nano");
    let descending: Vec<u32> = (12_000..12_032).rev().collect();
    assert_eq!(ids(&nano.join("tokenizer.json")), descending);
    assert!(ids(&folder("tokenizer").join("tokenizer.json")).is_empty());
    let Some(folder) = shared() else { return };
    let descending: Vec<u32> = (32_000..32_100).rev().collect();
    assert_eq!(ids(&folder.join("tokenizer.json")), descending);
    let pieces = T5Tokenizer::from_sentence_piece(&folder.join("spiece.model")).unwrap();
    assert_eq!(pieces.sentinel_ids(), descending);
}

#[test]
fn padding_and_truncation_of_the_file_are_ignored() {
    let path = folder("tokenizer").join("tokenizer.json");
    let tokenizer = T5Tokenizer::from_tokenizer_json(&path).unwrap();
    assert_eq!(tokenizer.encode("one two three").unwrap(), [3, 4, 5, 1]);
    assert_eq!(tokenizer.encode("six").unwrap(), [8, 1]);
    assert_eq!(tokenizer.vocab_size(), 9);
}

//! `tokenizer.json` files that the library would not survive.

use std::fs;

use mtpt_t5::{T5Config, T5Tokenizer};
use serde_json::{Value, json};

/// Returns the result of reading a file.
fn read(text: &str) -> Result<T5Tokenizer, String> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tokenizer.json");
    fs::write(&path, text).unwrap();
    T5Tokenizer::from_tokenizer_json(&path).map_err(|error| {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            message.push_str(&format!(": {error}"));
            source = error.source();
        }
        message
    })
}

/// Returns a tokenizer of characters with one part replaced.
fn with(part: &str, value: Value) -> String {
    let mut file = json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": null,
        "model": {
            "type": "WordLevel", "unk_token": "a",
            "vocab": { "a": 0, "b": 1, "ab": 2, " ": 3, "  ": 4, "</s>": 5 },
        },
    });
    file[part] = value;
    file.to_string()
}

/// Checks that a file is rejected with a message that contains a part.
#[track_caller]
fn rejected(text: &str, expected: &str) {
    match read(text) {
        Err(message) => assert!(message.contains(expected), "{message}"),
        Ok(_) => panic!("accepted: {}", &text[..text.len().min(500)]),
    }
}

const TEXTS: [&str; 12] = [
    "",
    " ",
    "a",
    "  ab  b ",
    "\u{200b}",
    "e\u{301}\u{301}\u{301}\u{301}",
    "\u{301}a",
    "ﷺ ﬃ Å İ ß",
    "日本 👨‍👩‍👧 \u{0} \u{feff}",
    "\n\t\r\n a",
    "</s> a</s>  </s>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb",
];

/// Checks that a file is accepted, and that texts can be tokenized and ids detokenized.
#[track_caller]
fn works(text: &str) {
    let tokenizer = read(text).unwrap();
    for text in TEXTS {
        let ids = tokenizer.encode(text).unwrap_or_default();
        tokenizer.decode(&ids).unwrap();
        tokenizer.decode_with_special_tokens(&ids).unwrap();
    }
    for ids in [vec![], vec![0], vec![3, 4, 3], vec![5], vec![u32::MAX, 1], (0..300).collect()] {
        tokenizer.decode(&ids).unwrap();
        tokenizer.decode_with_special_tokens(&ids).unwrap();
    }
}

#[test]
fn truncated_files_are_not_json() {
    let whole = with("decoder", json!({ "type": "Sequence", "decoders": [{ "type": "Fuse" }] }));
    works(&whole);
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        let message = read(&whole[..end]).unwrap_err();
        let is_named = message.contains("is not valid JSON") || message.contains("an empty file");
        assert!(is_named, "{message}");
    }
    for start in ["{\"decoder\":", "{\"normalizer\":{", "{\"model\":[", "{\"added_tokens\":[{"] {
        rejected(start, "is not valid JSON");
    }
}

#[test]
fn other_json_is_located() {
    rejected("{}", "is not a valid tokenizer: the value that ends at line 1, column 2");
    for part in ["normalizer", "pre_tokenizer", "post_processor", "decoder", "model"] {
        for value in [json!(1), json!("a"), json!({ "type": 1 })] {
            rejected(&with(part, value), "is not a valid tokenizer: the value that ends at line");
        }
        let component =
            if part == "model" { json!({ "type": "x", "vocab": {} }) } else { json!({}) };
        rejected(&with(part, component), "is not a valid tokenizer: ");
    }
    rejected(&with("normalizer", json!({ "type": "Other" })), "a normalizer of type `Other`");
    rejected(&with("decoder", json!({ "type": "CTC" })), "a decoder of type `CTC`");
    rejected(
        &with("pre_tokenizer", json!({ "type": "FixedLength", "length": 0 })),
        "a pre-tokenizer of type `FixedLength` is not supported",
    );
    rejected(
        &with("normalizer", json!({ "type": "Strip" })),
        "`strip_left` of the normalizer `Strip`",
    );
}

#[test]
fn nested_and_long_sequences_are_rejected() {
    for (part, list) in
        [("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"), ("decoder", "decoders")]
    {
        let open = format!("{{\"type\":\"Sequence\",\"{list}\":[");
        let nested = open.repeat(100_000);
        rejected(
            &with(part, Value::Null)
                .replace(&format!("\"{part}\":null"), &format!("\"{part}\":{nested}")),
            "is not valid JSON",
        );
        let long = vec![json!({ "type": "Sequence", list: [] }); 65];
        rejected(&with(part, json!({ "type": "Sequence", list: long })), "the value that ends at");
        works(&with(part, json!({ "type": "Sequence", list: [] })));
        works(&with(part, json!({ "type": "Sequence", list: [{ "type": "Sequence", list: [] }] })));
    }
    let one = json!({ "type": "Sequence", "normalizers": vec![json!({ "type": "Nmt" }); 64] });
    works(&with("normalizer", one.clone()));
    let two = json!({ "type": "Sequence", "normalizers": [one.clone(), one] });
    rejected(&with("normalizer", two), "the normalizer has more than 64 components");
}

fn template(single: Value, special_tokens: Value) -> String {
    let processor = json!({
        "type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": special_tokens
    });
    with("post_processor", processor)
}

#[test]
fn templates_name_existing_tokens() {
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let second = json!({ "Sequence": { "id": "B", "type_id": 0 } });
    let token = |id: &str| json!({ "SpecialToken": { "id": id, "type_id": 0 } });
    let end = json!({ "e": { "id": "e", "ids": [5], "tokens": ["</s>"] } });
    works(&template(json!([text, token("e")]), end.clone()));
    rejected(
        &template(json!([text, token("x")]), end.clone()),
        "tokens in `special_tokens`, but is `x`",
    );
    rejected(&template(json!([text, token("")]), json!({})), "tokens in `special_tokens`");
    rejected(&template(json!([second]), end.clone()), "a template of `A`, but is `B`");
    rejected(&template(json!([]), end.clone()), "with the text once, but is one with 0");
    rejected(&template(json!([text, text]), end), "with the text once, but is one with 2");
    let outside = json!({ "e": { "id": "e", "ids": [6], "tokens": ["</s>"] } });
    rejected(
        &template(json!([text, token("e")]), outside),
        "tokens with ids of the vocabulary, but is 6",
    );
    // The number of ids needs not be that of the tokens.
    let several = json!({ "e": { "id": "e", "ids": [5, 5, 1], "tokens": [] } });
    let tokenizer = read(&template(json!([token("e"), text, token("e")]), several)).unwrap();
    assert_eq!(tokenizer.encode("b").unwrap(), [5, 5, 1, 1, 5, 5, 1]);
    let bert = json!({ "type": "BertProcessing", "sep": ["</s>", 5], "cls": ["a", 0] });
    assert_eq!(read(&with("post_processor", bert)).unwrap().encode("b").unwrap(), [0, 1, 5]);
    let outside =
        json!({ "type": "BertProcessing", "sep": ["</s>", 4_000_000_000_u32], "cls": ["a", 0] });
    rejected(&with("post_processor", outside), "tokens with ids of the vocabulary");
}

fn bpe(change: impl FnOnce(&mut Value)) -> String {
    let mut model = json!({
        "type": "BPE", "vocab": { "a": 0, "b": 1, "ab": 2, "##b": 3, "</s>": 4 }, "merges": [["a", "b"]]
    });
    change(&mut model);
    with("model", model)
}

#[test]
fn merges_are_in_the_vocabulary() {
    works(&bpe(|_| {}));
    works(&bpe(|model| model["merges"] = json!(["#version: 0.2", "a b"])));
    works(&bpe(|model| {
        model["continuing_subword_prefix"] = json!("##");
        model["merges"] = json!([["a", "##b"]]);
    }));
    let expected = "`merges` of the model must be pairs of tokens whose merge is a token";
    rejected(&bpe(|model| model["continuing_subword_prefix"] = json!("long")), expected);
    // The prefix ends within a character of the token.
    rejected(
        &bpe(|model| {
            model["vocab"] = json!({ "a": 0, "ä": 1, "aä": 2 });
            model["merges"] = json!([["a", "ä"]]);
            model["continuing_subword_prefix"] = json!("#");
        }),
        expected,
    );
    rejected(&bpe(|model| model["merges"] = json!([["a", "a"]])), expected);
    rejected(&bpe(|model| model["merges"] = json!([["b", "x"]])), expected);
    rejected(&bpe(|model| model["merges"] = json!([["a"]])), "the value that ends at");
    rejected(&bpe(|model| model["merges"] = json!(["a b c"])), "the value that ends at");
    rejected(&bpe(|model| model["merges"] = Value::Null), "`merges` of the model");
    rejected(
        &bpe(|model| model["dropout"] = json!(2)),
        "`dropout` of the model must be from 0 to 1",
    );
    rejected(
        &bpe(|model| model["end_of_word_suffix"] = json!("x".repeat(300))),
        "at most 256 bytes",
    );
    rejected(&bpe(|model| model["vocab"]["x"] = json!(4_294_967_295_u32)), "ids below 2^31");
}

#[test]
fn decoders_survive_every_token() {
    let strip = |start: u64, stop: u64| {
        with("decoder", json!({ "type": "Strip", "content": " ", "start": start, "stop": stop }))
    };
    works(&strip(0, 0));
    works(&strip(7, 0));
    works(&strip(u64::MAX, 0));
    rejected(&strip(0, 2), "`stop` of the decoder `Strip` must be 0, but is 2");
    rejected(&strip(1, 1), "`stop` of the decoder `Strip`");
    rejected(&strip(0, u64::MAX), "`stop` of the decoder `Strip`");
    for content in ["", "ab"] {
        let decoder = json!({ "type": "Strip", "content": content, "start": 0, "stop": 0 });
        rejected(&with("decoder", decoder), "must be one character");
    }
    // The library subtracts one from the number of tokens.
    works(&with("decoder", json!({ "type": "BPEDecoder", "suffix": "</w>" })));
    works(&with("decoder", json!({ "type": "BPEDecoder", "suffix": "" })));
    for kind in ["ByteFallback", "Fuse", "ByteLevel"] {
        works(&with(
            "decoder",
            json!({ "type": kind, "add_prefix_space": true, "trim_offsets": true }),
        ));
    }
    works(&with("decoder", json!({ "type": "WordPiece", "prefix": "", "cleanup": true })));
    let all = vec![json!({ "type": "BPEDecoder", "suffix": "" }); 7];
    rejected(
        &with("decoder", json!({ "type": "Sequence", "decoders": all })),
        "the decoder makes texts up to 128 times as long, at most 64 times are supported",
    );
}

#[test]
fn patterns_match_something() {
    for (part, kind) in
        [("normalizer", "Replace"), ("decoder", "Replace"), ("pre_tokenizer", "Split")]
    {
        let component = |pattern: Value| {
            with(
                part,
                json!({
                    "type": kind, "pattern": pattern, "content": "b", "behavior": "Isolated",
                    "invert": false
                }),
            )
        };
        for regex in [" {2,}", r"\s+(?!\S)|\s+", r"\p{L}+| ?\d", "(?i:'s|'t)", "(a+)+$"] {
            works(&component(json!({ "Regex": regex })));
        }
        for regex in ["", "a*", r"\b", "^", "(?:a|)", r"(?!\S)"] {
            rejected(&component(json!({ "Regex": regex })), "doesn't match the empty text");
        }
        for regex in ["(", r"(a)\1", "(?=a)", r"(?<=a)b", r"[\w", r"\p{Nothing}"] {
            rejected(&component(json!({ "Regex": regex })), "must be a regular expression");
        }
        rejected(&component(json!({ "Regex": r"((\w{99}){99}){99}" })), "of moderate size");
        rejected(&component(json!({ "Regex": "a".repeat(1001) })), "at most 1,000 bytes");
        rejected(&component(json!({ "String": "" })), "doesn't match the empty text");
        works(&component(json!({ "String": "a.*" })));
        rejected(&component(json!({ "Other": "a" })), "the value that ends at");
    }
}

#[test]
fn growth_of_texts_is_limited() {
    let replace =
        json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "aaaaaaaaaa" });
    let normalizer =
        |count| json!({ "type": "Sequence", "normalizers": vec![replace.clone(); count] });
    works(&with("normalizer", normalizer(3)));
    rejected(&with("normalizer", normalizer(4)), "up to 10000 times as long, at most 1024 times");
    let prepend = |text: &str| with("normalizer", json!({ "type": "Prepend", "prepend": text }));
    works(&prepend("▁"));
    rejected(&prepend(""), "`prepend` of the normalizer `Prepend` must be a text, but is empty");
    rejected(&prepend(&"x".repeat(257)), "a text of at most 256 bytes");
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true });
    let sequence = json!({ "type": "Sequence", "pretokenizers": vec![bytes; 6] });
    rejected(&with("pre_tokenizer", sequence), "times as long");
}

fn added(tokens: &[(&str, Value)]) -> Value {
    let token = |(content, changes): &(&str, Value)| {
        let mut token = json!({
            "id": 9, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        });
        token.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        token
    };
    tokens.iter().map(token).collect()
}

#[test]
fn added_tokens_have_text() {
    let file = |normalizer: Value, tokens: Value| {
        let mut file: Value = serde_json::from_str(&with("normalizer", normalizer)).unwrap();
        file["added_tokens"] = tokens;
        file.to_string()
    };
    let bert = json!({
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": true
    });
    let strips = json!({ "lstrip": true, "rstrip": true, "normalized": true });
    let empty = file(bert.clone(), added(&[("\u{200b}", strips.clone())]));
    rejected(&empty, r"the added token `\u{200b}` in");
    works(&file(bert.clone(), added(&[("\u{200b}", json!({})), ("ß", strips.clone())])));
    let accents = json!({ "type": "StripAccents" });
    rejected(&file(accents, added(&[("\u{301}", strips.clone())])), "is empty after normalization");
    let spaces = json!({ "type": "Strip", "strip_left": true, "strip_right": true });
    rejected(&file(spaces, added(&[("  ", strips.clone())])), "is empty after normalization");
    works(&file(Value::Null, added(&[(" ", strips.clone()), ("</s>", strips.clone())])));
    // Texts that end and begin with the same spaces.
    let tokens = added(&[("a", json!({ "rstrip": true })), (" ", json!({ "lstrip": true }))]);
    rejected(&file(Value::Null, tokens), "the added token ` ` in");
    let tokens =
        added(&[("a", json!({ "rstrip": true })), (" ", json!({})), ("b", strips.clone())]);
    works(&file(Value::Null, tokens));
    let lower = json!({ "type": "Lowercase" });
    let same = added(&[("X", json!({ "normalized": true })), ("x", json!({ "normalized": true }))]);
    works(&file(lower, same));
    let long = "x".repeat(1001);
    rejected(&file(Value::Null, added(&[(&long, json!({}))])), "has 1001 bytes");
    let names: Vec<String> = (0..300).map(|number| format!("{number:900}")).collect();
    let tokens: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), json!({}))).collect();
    rejected(&file(Value::Null, added(&tokens)), "have more than 262144 bytes");
}

fn unigram(pieces: &[(&str, f64)]) -> String {
    let pieces: Vec<_> = pieces.iter().map(|(piece, score)| json!([piece, score])).collect();
    with("model", json!({ "type": "Unigram", "unk_id": 0, "vocab": pieces }))
}

#[test]
fn pieces_are_short() {
    works(&unigram(&[("<unk>", 0.0), ("", -1.0), ("a", 1e308), ("b", -1e308), ("a", 0.0)]));
    works(&unigram(&[("<unk>", 0.0), (&"a".repeat(2048), -1.0)]));
    for length in [2049, 100_000, 1_000_000] {
        let file = unigram(&[("<unk>", 0.0), (&"a".repeat(length), -1.0)]);
        rejected(
            &file,
            &format!("pieces of at most 2,048 bytes, but is `{}...` of", "a".repeat(40)),
        );
    }
    let without = with("model", json!({ "type": "Unigram", "unk_id": 1, "vocab": [["a", 0]] }));
    rejected(&without, "`unk_id` of the model must be the id of a piece, but is 1");
    rejected(&with("model", json!({ "type": "Unigram", "unk_id": 0, "vocab": [] })), "`unk_id`");
    rejected(
        &with("model", json!({ "type": "Unigram", "vocab": {} })),
        "a list of pieces with scores",
    );
}

#[test]
fn search_tree_is_in_proportion_to_the_file() {
    // Pieces without common starts.
    let names: Vec<String> =
        (0..200).map(|number| format!("{number:03}{}", "x".repeat(1900))).collect();
    let pieces: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 0.0)).collect();
    rejected(&unigram(&pieces), "need a search tree of 380");
    let names: Vec<String> =
        (0..200).map(|number| format!("{}{number}", "x".repeat(1900))).collect();
    let pieces: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 0.0)).collect();
    works(&unigram(&pieces));
}

#[test]
fn words_are_short() {
    let word_piece = |length: u64| {
        with(
            "model",
            json!({
                "type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": length, "vocab": { "a": 0, "##b": 1 }
            }),
        )
    };
    works(&word_piece(100));
    rejected(
        &word_piece(1001),
        "`max_input_chars_per_word` of the model must be a number up to 1,000",
    );
    rejected(&word_piece(u64::MAX), "a number up to 1,000");
}

#[test]
fn replacement_rules_stay_within_their_data() {
    use base64::Engine;
    let precompiled = |bytes: &[u8]| {
        let text = base64::prelude::BASE64_STANDARD.encode(bytes);
        with("normalizer", json!({ "type": "Precompiled", "precompiled_charsmap": text }))
    };
    let trie =
        |unit: u32| [&512_u32.to_le_bytes()[..], &unit.to_le_bytes().repeat(128), b"x\0"].concat();
    // The size of the trie is a claim.
    rejected(&precompiled(&u32::MAX.to_le_bytes()), "must be replacement rules");
    rejected(&precompiled(&[8, 0, 0, 0, 1, 2]), "must be replacement rules");
    rejected(&precompiled(&trie(0)), "rules with positions within the trie");
    rejected(&precompiled(&trie(u32::MAX)), "rules with positions within the trie");
    rejected(
        &with("normalizer", json!({ "type": "Precompiled", "precompiled_charsmap": "?" })),
        "base64",
    );
    works(&precompiled(&[&1024_u32.to_le_bytes()[..], &[0; 1024]].concat()));
}

#[test]
fn declared_tokens_are_claims() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("tokenizer.json"), with("decoder", Value::Null)).unwrap();
    let load = |config: Value| {
        fs::write(place.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        let config = T5Config { vocab_size: 20_000, ..T5Config::small() };
        T5Tokenizer::load(place.path(), &config).map_err(|error| error.to_string())
    };
    for count in [json!(1_000_000_000_u64), json!(u64::MAX), json!(10_001), json!(-1)] {
        let message = load(json!({ "extra_ids": count })).unwrap_err();
        assert!(message.contains("`extra_ids` in"), "{message}");
        assert!(message.contains("must be a number up to 10000"), "{message}");
    }
    assert_eq!(load(json!({ "extra_ids": 10_000 })).unwrap().sentinel_ids().len(), 10_000);
    for id in ["4294967295", "2147483648", "-1", "x"] {
        let message =
            load(json!({ "added_tokens_decoder": { id: { "content": "x" } } })).unwrap_err();
        assert!(message.contains("must be the token of an id below 2^31"), "{message}");
    }
    let many: serde_json::Map<String, Value> = (6..9_000)
        .map(|id: u32| (id.to_string(), json!({ "content": format!("<{id}>") })))
        .collect();
    assert_eq!(load(json!({ "added_tokens_decoder": many })).unwrap().vocab_size(), 9_000);
    // Without a file, tokens are bytes.
    fs::remove_file(place.path().join("tokenizer.json")).unwrap();
    let byt5 =
        |token: &str| load(json!({ "tokenizer_class": "ByT5Tokenizer", "eos_token": token }));
    assert!(byt5("<extra_id_4294967295>").is_ok());
    assert!(byt5("<extra_id_4294967036>").is_ok());
}

//! Corpora, from their definition to examples.

use std::fs;
use std::path::Path;

use mtpt_tasks::corpus::{Corpus, CorpusFile, CorpusTokens, SpecialTokens, TextObjective};
use mtpt_tasks::{MaxLengths, Mixture, Result, Split, Tokenize, TokenizeError, TokenizeFn};
use tempfile::TempDir;

use crate::message;

const END: u32 = 1;
const MAX_LENGTHS: MaxLengths = MaxLengths { input: 10, target: 10 };

/// Tokenizes words: `w12` is token 12. The end of sentence is appended.
fn tokenizer() -> impl Tokenize {
    TokenizeFn(|text: &str| {
        let number = |word: &str| {
            word.trim_start_matches('w')
                .parse()
                .map_err(|_| TokenizeError::new(format!("no word `{word}`")))
        };
        text.split_whitespace().map(number).chain([Ok(END)]).collect::<Result<Vec<u32>, _>>()
    })
}

fn special() -> SpecialTokens {
    SpecialTokens { end_of_sentence: END, sentinels: vec![99, 98, 97] }
}

fn words(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("w{number} ")).collect()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("a.txt", format!("{}\n\n{}\r\n", words(10..25), words(25..28)));
    write("b.jsonl", format!("{{\"id\": 3, \"text\": \"{}\"}}\n", words(28..40)));
    write("dev.txt", format!("{}\n", words(40..55)));
    folder
}

fn parse(folder: &TempDir, text: &str) -> Result<Vec<Corpus>> {
    CorpusFile::parse(text, &folder.path().join("run.toml")).map(CorpusFile::into_corpora)
}

#[track_caller]
fn corpus(folder: &TempDir, lines: &str) -> Corpus {
    let text = format!("[[corpora]]\nname = 'web'\n{lines}");
    parse(folder, &text).unwrap().remove(0)
}

fn read(folder: &TempDir, lines: &str) -> Result<CorpusTokens> {
    CorpusTokens::read(corpus(folder, lines), &tokenizer(), special(), MAX_LENGTHS)
}

fn lengths(tokens: &CorpusTokens, split: Split) -> Vec<usize> {
    let chunks = tokens.chunks(split).unwrap();
    (0..chunks.len()).map(|chunk| chunks.get(chunk).len()).collect()
}

#[test]
fn packs_files_of_both_formats() {
    let folder = folder();
    let lines = "train = ['a.txt', 'b.jsonl']\ndev = 'dev.txt'\nobjective = 'span_corruption'";
    let tokens = read(&folder, lines).unwrap();
    // Of ten tokens two are masked: the input is eight tokens, a sentinel and the end of sentence.
    assert_eq!(tokens.chunk_length(), 10);
    assert_eq!(lengths(&tokens, Split::Train), [10, 10, 10]);
    assert_eq!(tokens.chunks(Split::Train).unwrap().tokens(), (10..40).collect::<Vec<u32>>());
    assert_eq!(lengths(&tokens, Split::Dev), [10, 5]);
    assert!(tokens.chunks(Split::Test).is_none());
}

#[test]
fn does_not_pack_documents_for_prefix_lm() {
    let folder = folder();
    let lines = "train = ['a.txt', 'b.jsonl']\nobjective = 'prefix_lm'";
    let tokens = read(&folder, lines).unwrap();
    assert_eq!(lengths(&tokens, Split::Train), [10, 5, 3, 10, 2]);
    assert!(tokens.chunks(Split::Dev).unwrap().is_empty());
    let packed = read(&folder, &format!("{lines}\npack = true")).unwrap();
    assert_eq!(lengths(&packed, Split::Train), [10, 10, 10]);
}

#[test]
fn examples_are_a_function_of_chunk_seed_and_position() {
    let folder = folder();
    let lines = "train = 'a.txt'\ndev = 'dev.txt'\nobjective = 'span_corruption'\n\
                 noise_density = 0.4\nmean_span_length = 1.5";
    let tokens = read(&folder, lines).unwrap();
    let row = |seed: u64, position: u64| tokens.row(3, 0, seed, position);
    assert_eq!(row(5, 7), row(5, 7));
    assert_eq!(row(5, 7).task, 3);
    let rows = |seed: u64| (0..20).map(|position| row(seed, position)).collect::<Vec<_>>();
    assert!(
        rows(5).iter().any(|other| *other != row(5, 0)),
        "the masked spans differ between positions"
    );
    assert_ne!(rows(5), rows(6));
    for row in rows(5) {
        assert!(
            row.input_ids.len() <= MAX_LENGTHS.input && row.target_ids.len() <= MAX_LENGTHS.target
        );
        assert_eq!((row.label, row.gold), (None, None));
    }
    assert_eq!(tokens.dev_rows(0).len(), 2);
    assert_eq!(tokens.dev_rows(0), tokens.dev_rows(0));
}

#[test]
fn few_sentinels_shorten_the_chunks() {
    let folder = folder();
    let lines = "train = 'a.txt'\nobjective = 'span_corruption'\nnoise_density = 0.5\n\
                 mean_span_length = 1.0";
    let special = SpecialTokens { end_of_sentence: END, sentinels: vec![99, 98] };
    let max_lengths = MaxLengths { input: 100, target: 100 };
    let tokens =
        CorpusTokens::read(corpus(&folder, lines), &tokenizer(), special, max_lengths).unwrap();
    // Of five tokens, two and a half are masked, rounded to two.
    assert_eq!(tokens.chunk_length(), 5);
}

#[test]
fn fills_in_defaults() {
    let folder = folder();
    let spans = corpus(&folder, "train = 'a.txt'\nobjective = 'span_corruption'\nweight = 2");
    let TextObjective::SpanCorruption(options) = spans.objective() else { panic!() };
    assert_eq!((options.noise_density, options.mean_span_length), (0.15, 3.0));
    assert_eq!((spans.weight(), spans.is_packed()), (2.0, true));
    assert_eq!(spans.files(Split::Train), [folder.path().join("a.txt")]);
    // Defaults are serialized.
    let written = toml::to_string(spans.config()).unwrap();
    let again = Corpus::new(toml::from_str(&written).unwrap()).unwrap();
    assert_eq!(again, spans);
    assert!(parse(&folder, "model = 't5'").unwrap().is_empty());
}

#[test]
fn locates_configuration_errors() {
    let folder = folder();
    let check = |lines: &str, line: usize, parts: &[&str]| {
        let text = format!("seed = 1\n[[corpora]]\nname = 'web'\ntrain = 'a.txt'\n{lines}");
        let failure = message(parse(&folder, &text));
        let location = format!("run.toml:{line}: ");
        for part in parts.iter().copied().chain([location.as_str()]) {
            assert!(failure.contains(part), "`{part}` is not in: {failure}");
        }
    };
    check("objective = 'magic'", 5, &["`magic`", "`span_corruption`", "`prefix_lm`"]);
    check("objective = 'prefix_lm'\nwait = 1", 6, &["`wait`", "`weight`"]);
    check("", 2, &["`objective`"]);
    let prefix = "objective = 'prefix_lm'";
    for weight in ["0", "-1.0", "nan", "inf"] {
        let expected = "corpus `web`: expected `weight` to be positive and finite, found";
        check(&format!("{prefix}\nweight = {weight}"), 2, &[expected]);
    }
    check(
        &format!("{prefix}\nnoise_density = 0.1"),
        2,
        &["`noise_density` belongs to the objective `span_corruption`", "`prefix_lm`"],
    );
    let spans = "objective = 'span_corruption'";
    check(&format!("{spans}\nnoise_density = 1.5"), 2, &["`noise_density`", "found 1.5"]);
    check(&format!("{spans}\nmean_span_length = 0"), 2, &["`mean_span_length`", "found 0"]);
    check(&format!("{spans}\ndev = 3"), 6, &["a path or a list of paths"]);
    check(
        &format!("{prefix}\n[[corpora]]\nname = 'web'\ntrain = 'b.jsonl'\n{prefix}"),
        6,
        &["duplicate name `web`"],
    );
    let none = "[[corpora]]\nname = 'web'\ntrain = []\nobjective = 'prefix_lm'";
    assert!(message(parse(&folder, none)).contains("expected `train` to name at least one file"));
}

#[test]
fn locates_data_errors() {
    let folder = folder();
    let check = |name: &str, content: &[u8], objective: &str, parts: &[&str]| {
        fs::write(folder.path().join(name), content).unwrap();
        let lines = format!("train = ['a.txt', '{name}']\nobjective = '{objective}'");
        let failure = message(read(&folder, &lines));
        for part in parts.iter().copied().chain(["corpus `web`: "]) {
            assert!(failure.contains(part), "`{part}` is not in: {failure}");
        }
    };
    check("empty.txt", b"", "span_corruption", &["empty.txt: expected rows, found none"]);
    check("blank.txt", b"\n\n", "span_corruption", &["blank.txt: expected rows, found none"]);
    check("empty.jsonl", b"", "prefix_lm", &["empty.jsonl: expected rows, found none"]);
    check("bad.txt", b"w2\n\xff\n", "prefix_lm", &["bad.txt:2: expected text in UTF-8"]);
    check("bad.jsonl", b"{\"text\": \"w2\"}\n[1]\n", "prefix_lm", &["bad.jsonl:2: ", "an array"]);
    check("field.jsonl", b"{\"txt\": \"w1\"}\n", "prefix_lm", &["field.jsonl:1: ", "`text`"]);
    check("kind.jsonl", b"{\"text\": [1]}\n", "prefix_lm", &["kind.jsonl:1: ", "an array"]);
    check("word.txt", b"w2\nmagic\n", "prefix_lm", &["word.txt:2: ", "no word `magic`"]);
    let sentinel = b"w2\nw3 w98 w4\n";
    check("mark.txt", sentinel, "span_corruption", &["mark.txt:2: ", "found `<extra_id_1>`"]);
    check("end.txt", b"w2\nw3 w1 w4\n", "prefix_lm", &["end.txt:2: ", "end-of-sentence token"]);
    let failure = message(read(&folder, "train = 'nowhere.txt'\nobjective = 'prefix_lm'"));
    assert!(failure.contains("nowhere.txt"), "{failure}");
    fs::write(folder.path().join("short.txt"), "w2\nw3\n").unwrap();
    let failure = message(read(&folder, "train = 'short.txt'\nobjective = 'prefix_lm'"));
    assert!(failure.contains("at least two tokens"), "{failure}");
}

#[test]
fn checks_sentinels_and_lengths_before_reading() {
    let folder = folder();
    let read = |objective: &str, sentinels: &[u32], max_lengths: MaxLengths| {
        let lines = format!("train = 'nowhere.txt'\nobjective = '{objective}'");
        let special = SpecialTokens { end_of_sentence: END, sentinels: sentinels.into() };
        message(CorpusTokens::read(corpus(&folder, &lines), &tokenizer(), special, max_lengths))
    };
    let failure = read("span_corruption", &[], MAX_LENGTHS);
    assert!(failure.contains("the tokenizer has no `<extra_id_0>`"), "{failure}");
    let narrow = MaxLengths { input: 10, target: 2 };
    let failure = read("span_corruption", &[99], narrow);
    assert!(failure.contains("maximum lengths of 10 input and 2 target tokens"), "{failure}");
    let failure = read("prefix_lm", &[], MaxLengths { input: 1, target: 1 });
    assert!(failure.contains("maximum lengths of 1 input and 1 target tokens"), "{failure}");
}

#[test]
fn samples_by_weight() {
    let rates = Mixture::weighted(&[3.0, 1.0], &[10, 10_000], true, 0).unwrap().rates();
    assert_eq!(rates, [0.75, 0.25]);
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let failure = message(Mixture::weighted(&[1.0, weight], &[2, 2], true, 0));
        assert!(failure.contains("expected `weight` to be positive and finite"), "{failure}");
    }
}

#[test]
fn detects_the_format_by_the_extension() {
    use mtpt_tasks::corpus::DocumentFormat::{JsonLines, Text};
    for (name, format) in
        [("a.txt", Text), ("a", Text), ("a.jsonl", JsonLines), ("a.JSON", JsonLines)]
    {
        assert_eq!(mtpt_tasks::corpus::DocumentFormat::of(Path::new(name)), format, "{name}");
    }
    let folder = folder();
    let lines = "train = 'b.jsonl'\nformat = 'text'\nobjective = 'prefix_lm'";
    assert!(message(read(&folder, lines)).contains("b.jsonl:1: "), "a brace is not a word");
}

//! Texts that tokenizers are tested with.

use mtpt::t5::{Result, T5Tokenizer};

/// Texts with spaces, control characters, composed and unassigned characters, special tokens and
/// numbers.
const TEXTS: [&str; 9] = [
    "",
    " day  brought the sun\t\n",
    "<extra_id_0> a</s><unk><pad>",
    "ﬁ ½ ① ﷺ Å\u{301}\u{323} \u{202e}x",
    "ß ǆ İ \u{feff}\u{0}\u{1f}",
    "👩‍👩‍👧 \u{e000}\u{10ffff}",
    "▁▁a▁ 1234567890,.-'\"",
    "            i",
    "日本語 한국어 ไทย हिन्दी",
];

/// Number of repetitions of a text, for rules that are quadratic or recursive in its length.
const REPETITIONS: usize = 200;

/// Tokenizes and detokenizes texts, and detokenizes ids of all sizes.
pub(super) fn tokenize(tokenizer: &T5Tokenizer) -> Result<usize> {
    let mut tokens = 0;
    for text in TEXTS.iter().map(|text| (*text).to_owned()).chain([TEXTS[1].repeat(REPETITIONS)]) {
        let ids = tokenizer.encode(&text)?;
        tokenizer.decode(&ids)?;
        tokens += ids.len();
    }
    let last = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
    let ids = [0, 1, 2, 3, last.saturating_sub(1), last, last / 2, u32::MAX];
    tokenizer.decode(&ids)?;
    tokenizer.decode_with_special_tokens(&ids)?;
    tokenizer.sentinel_ids();
    Ok(tokens)
}

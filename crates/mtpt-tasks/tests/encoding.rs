use std::path::Path;

use mtpt_tasks::batch::Truncated;
use mtpt_tasks::{
    Gold, Instance, MaxLengths, SourceLocation, Tokenize, TokenizeError, TokenizeFn,
    TokenizedExample, WithEndOfSentence,
};

use crate::message;

fn characters(text: &str) -> Result<Vec<u32>, TokenizeError> {
    match text.contains('!') {
        true => Err(TokenizeError::new("`!` is not known")),
        false => Ok(text.chars().map(u32::from).collect()),
    }
}

fn instance(input: &str, target: &str, label: usize) -> Instance {
    let location = SourceLocation::new(Path::new("train.tsv"), label + 2);
    Instance {
        input: input.into(),
        text: input.into(),
        is_blank: input.is_empty(),
        target: target.into(),
        label,
        gold: Gold::Label(label),
        references: Vec::new(),
        choices: Vec::new(),
        group: None,
        location,
    }
}

#[test]
fn truncation_keeps_the_end_of_sentence() {
    let tokenizer = WithEndOfSentence { tokenizer: TokenizeFn(characters), end_of_sentence: 1 };
    let rows = [instance("abcd", "no", 0), instance("ab", "yes", 1), instance("", "yes", 1)];
    let max_lengths = MaxLengths { input: 3, target: 3 };
    let (examples, truncated) =
        TokenizedExample::tokenize_counted(4, &rows, &tokenizer, max_lengths).unwrap();
    // A text of exactly the maximum length loses nothing. The word of a label counts in each row.
    assert_eq!(truncated, Truncated { inputs: 1, targets: 2 });
    let ids: Vec<_> =
        examples.iter().map(|row| (&row.input_ids[..], &row.target_ids[..])).collect();
    assert_eq!(
        ids,
        [
            (&[97, 98, 1][..], &[110, 111, 1][..]),
            (&[97, 98, 1], &[121, 101, 1]),
            (&[1], &[121, 101, 1]),
        ]
    );
    assert_eq!(
        (examples[1].task, examples[1].label, examples[1].gold),
        (4, Some(1), Some(Gold::Label(1)))
    );
    // Only the end of sentence remains.
    let shortest =
        TokenizedExample::tokenize_all(0, &rows, &tokenizer, MaxLengths { input: 0, target: 1 });
    assert_eq!(shortest.unwrap()[0].input_ids, [1]);
}

#[test]
fn locates_texts_that_cannot_be_tokenized() {
    let max_lengths = MaxLengths { input: 8, target: 8 };
    let rows = [instance("fine", "no", 0), instance("oh!", "yes", 1)];
    let result = TokenizedExample::tokenize_all(0, &rows, &TokenizeFn(characters), max_lengths);
    assert_eq!(message(result), "train.tsv:3: cannot tokenize: `!` is not known");
}

#[test]
fn appends_the_end_of_sentence_once() {
    let ended = |text: &str| Ok(vec![text.len() as u32 + 5, 1]);
    let tokenizer = WithEndOfSentence { tokenizer: TokenizeFn(ended), end_of_sentence: 1 };
    assert_eq!(tokenizer.tokenize("ab").unwrap(), [7, 1]);
    assert_eq!(Tokenize::tokenize_all(&&tokenizer, &["", "a"]).unwrap(), [[5, 1], [6, 1]]);
}

#[cfg(feature = "tokenizers")]
#[test]
fn matches_the_tokenizer_of_t5() {
    let Some(folder) = crate::shared("fixtures/tokenizer") else { return };
    let tokenizer = tokenizers::Tokenizer::from_file(folder.join("tokenizer.json")).unwrap();
    // Token ids of Hugging Face's T5 tokenizer.
    let ids = Tokenize::tokenize(&tokenizer, "sst2 sentence: it 's a charming journey .").unwrap();
    assert_eq!(ids, T5_IDS);
    assert_eq!(Tokenize::tokenize(&tokenizer, "").unwrap(), [1]);
    let both = Tokenize::tokenize_all(&tokenizer, &["positive", "negative"]).unwrap();
    assert_eq!(both, [[1465, 1], [2841, 1]]);
}

#[cfg(feature = "tokenizers")]
const T5_IDS: &[u32] = &[3, 7, 7, 17, 357, 7142, 10, 34, 3, 31, 7, 3, 9, 12216, 2027, 3, 5, 1];

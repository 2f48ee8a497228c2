use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::data::error::DataError;
use crate::data::format::Format;
use crate::data::json::value::Json as RowJson;
use crate::data::location::SourceLocation;
use crate::data::value::Value;
use crate::error::{Error, Result};

/// Field names and values of a row.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// Returns the rows of a nested object, or `None` for a format whose objects are rows.
pub(crate) fn nested_rows(
    format: Format,
    object: &RowJson,
    answers_apart: bool,
    location: &SourceLocation,
) -> Option<Result<Vec<Fields>>> {
    let object = || object.to_serde();
    Some(match format {
        Format::SuperglueMultirc => parse(format, object(), location).map(multirc_rows),
        Format::SuperglueRecord => {
            parse(format, object(), location).map(|passage| record_rows(passage, answers_apart))
        }
        Format::SuperglueWsc => parse(format, object(), location).map(|row| vec![wsc_row(row)]),
        _ => return None,
    })
}

fn parse<T: DeserializeOwned>(
    format: Format,
    object: Json,
    location: &SourceLocation,
) -> Result<T> {
    T::deserialize(object).map_err(|error| {
        let (location, message) = (location.clone(), error.to_string());
        Error::from(DataError::NestedRow { location, format, message })
    })
}

fn json_value(json: Json) -> Value {
    Value::from(RowJson::from(json))
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

#[derive(Deserialize)]
struct MultircLine {
    idx: Json,
    passage: MultircPassage,
}

#[derive(Deserialize)]
#[serde(expecting = "an object in `passage`")]
struct MultircPassage {
    text: String,
    questions: Vec<MultircQuestion>,
}

#[derive(Deserialize)]
struct MultircQuestion {
    idx: Json,
    question: String,
    answers: Vec<MultircAnswer>,
}

#[derive(Deserialize)]
struct MultircAnswer {
    idx: Json,
    text: String,
    label: Option<Json>,
}

/// Returns one row per answer.
fn multirc_rows(line: MultircLine) -> Vec<Fields> {
    let paragraph = without_markup(&line.passage.text);
    let mut rows = Vec::new();
    for question in line.passage.questions {
        for answer in question.answers {
            let mut row = vec![
                ("paragraph", text(paragraph.clone())),
                ("question", text(without_markup(&question.question))),
                ("answer", text(without_markup(&answer.text))),
                ("question_id", text(format!("{}-{}", line.idx, question.idx))),
                ("answer_id", text(format!("{}-{}-{}", line.idx, question.idx, answer.idx))),
            ];
            row.extend(answer.label.map(|label| ("label", json_value(label))));
            rows.push(row);
        }
    }
    rows
}

/// Removes the tags of MultiRC, as T5 does.
fn without_markup(text: &str) -> String {
    text.replace("<br>", " ").replace("<b>", "").replace("</b>", "")
}

#[derive(Deserialize)]
struct RecordLine {
    idx: Json,
    passage: RecordPassage,
    qas: Vec<RecordQuery>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object in `passage`")]
struct RecordPassage {
    text: String,
    entities: Vec<Span>,
}

/// Range of characters, end included.
#[derive(Deserialize)]
struct Span {
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
struct RecordQuery {
    idx: Json,
    query: String,
    answers: Option<Vec<RecordAnswer>>,
}

#[derive(Deserialize)]
struct RecordAnswer {
    text: String,
}

/// Returns one row per query, or one per answer. Entities and answers are deduplicated and sorted.
fn record_rows(line: RecordLine, answers_apart: bool) -> Vec<Fields> {
    let characters: Vec<char> = line.passage.text.chars().collect();
    let entities: BTreeSet<String> = line
        .passage
        .entities
        .iter()
        .map(|span| {
            let count = span.end.saturating_add(1).saturating_sub(span.start);
            characters.iter().skip(span.start).take(count).collect()
        })
        .collect();
    let entities: Vec<String> = entities.into_iter().collect();
    let passage = without_highlights(&line.passage.text);
    let mut rows = Vec::new();
    for query in line.qas {
        let row = |answers: Option<&[String]>| {
            let mut row = vec![
                ("passage", text(passage.clone())),
                ("query", text(query.query.clone())),
                ("entities", text(entities.join(", "))),
                ("candidates", Value::Texts(entities.clone())),
                ("query_id", text(format!("{}-{}", line.idx, query.idx))),
            ];
            row.extend(answers.map(|answers| ("answers", Value::Texts(answers.to_vec()))));
            row
        };
        let answers: Option<BTreeSet<String>> = query
            .answers
            .as_ref()
            .map(|answers| answers.iter().map(|answer| answer.text.clone()).collect());
        let answers: Option<Vec<String>> = answers.map(|answers| answers.into_iter().collect());
        match answers {
            Some(answers) if answers_apart && !answers.is_empty() => {
                rows.extend(answers.chunks(1).map(|answer| row(Some(answer))));
            }
            answers => rows.push(row(answers.as_deref())),
        }
    }
    rows
}

/// Joins the highlights of a passage as sentences, as T5 does.
fn without_highlights(text: &str) -> String {
    let mut parts = text.split("\n@highlight\n");
    let mut joined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ended = joined.ends_with(['.', '?', '!', '"', '\'']);
        joined.push_str(if ended { " " } else { ". " });
        joined.push_str(part);
    }
    joined
}

#[derive(Deserialize)]
struct WscLine {
    idx: Json,
    text: String,
    target: WscTarget,
    label: Option<Json>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object in `target`")]
struct WscTarget {
    span1_index: usize,
    span1_text: String,
    span2_index: usize,
    span2_text: String,
}

fn wsc_row(line: WscLine) -> Fields {
    let WscTarget { span1_index, span1_text, span2_index, span2_text } = line.target;
    let noun = as_in_text(&line.text, span1_index, &span1_text);
    let pronoun = as_in_text(&line.text, span2_index, &span2_text);
    let marked = marked(&line.text, span1_index, &noun, '*');
    // Marks count as words.
    let moved = span2_index.saturating_add(if span1_index < span2_index { 2 } else { 0 });
    let marked = self::marked(&marked, moved, &pronoun, '#').into_owned();
    let mut row = vec![
        ("pronoun_text", text(pronoun_marked(&line.text, span2_index, &pronoun))),
        ("marked_text", text(marked)),
        ("span1_text", text(noun)),
        ("span1_index", text(span1_index.to_string())),
        ("span2_text", text(pronoun)),
        ("span2_index", text(span2_index.to_string())),
        ("text", text(line.text)),
        ("idx", json_value(line.idx)),
    ];
    row.extend(line.label.map(|label| ("label", json_value(label))));
    row
}

/// Spells a span as in its text.
///
/// Some spans of the files differ in the case of the first letter, a final period or a line break.
/// These are the corrections of `wsc.fixed` in Hugging Face's `datasets`.
fn as_in_text(text: &str, index: usize, span: &str) -> String {
    if text.contains(span) {
        return span.to_owned();
    }
    let word = text.split_whitespace().nth(index).unwrap_or_default();
    let lower = word.starts_with(char::is_lowercase);
    let span = span.trim_end_matches('.').replace('\n', " ");
    let mut characters = span.chars();
    let first = characters.next().map(|first| {
        if lower { first.to_lowercase().to_string() } else { first.to_uppercase().to_string() }
    });
    first.into_iter().collect::<String>() + characters.as_str()
}

/// Adds marks around a span that starts at a word, as T5 does.
///
/// Returns the text unchanged if the span is not at this position.
fn marked<'a>(text: &'a str, word: usize, span: &str, mark: char) -> Cow<'a, str> {
    let mut rest = text;
    for _ in 0..word {
        let length = rest.find(char::is_whitespace).filter(|&length| length > 0);
        let Some(length) = length else { return text.into() };
        let mut characters = rest[length..].chars();
        characters.next();
        rest = characters.as_str();
    }
    match rest.strip_prefix(span) {
        Some(after) => {
            let before = &text[..text.len() - rest.len()];
            format!("{before}{mark} {span} {mark}{after}").into()
        }
        None => text.into(),
    }
}

/// Encloses the pronoun in asterisks without spaces, as in T5's question for the referent.
///
/// Where the file counts words differently, the nearest word that equals the pronoun, or starts
/// with it, is marked.
fn pronoun_marked(text: &str, index: usize, pronoun: &str) -> String {
    let words: Vec<&str> = text.trim_end().split(' ').collect();
    let nearest = |is: &dyn Fn(&str) -> bool| {
        let found = words.iter().enumerate().filter(|(_, word)| is(word));
        found.map(|(position, _)| position).min_by_key(|position| position.abs_diff(index))
    };
    let starts = |word: &str| {
        word.strip_prefix(pronoun).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let Some(position) = nearest(&|word| word == pronoun).or_else(|| nearest(&starts)) else {
        return words.join(" ");
    };
    let after = &words[position][pronoun.len()..];
    let marked =
        if after.is_empty() { format!("*{pronoun}*") } else { format!("*{pronoun}* {after}") };
    let mut words: Vec<&str> = words;
    words[position] = &marked;
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_spans_at_their_word() {
        let text = "This is a test sentence .";
        let once = marked(text, 3, "test", '*');
        assert_eq!(once, "This is a * test * sentence .");
        assert_eq!(marked(&once, 0, "This", '#'), "# This # is a * test * sentence .");
        for (word, span) in [(2, "test"), (9, "test"), (6, "")] {
            assert_eq!(marked(text, word, span, '*'), text);
        }
        // Two spaces enclose an empty word.
        assert_eq!(marked("a  b", 1, "b", '*'), "a  b");
    }

    #[test]
    fn spells_spans_as_in_the_text() {
        let text = "the cat saw Ann . She ran";
        assert_eq!(as_in_text(text, 0, "The cat."), "the cat");
        assert_eq!(as_in_text(text, 5, "she\nran"), "She ran");
        assert_eq!(as_in_text(text, 3, "Ann"), "Ann");
    }

    #[test]
    fn marks_the_nearest_pronoun() {
        let text = "he said he would , for him,\" he said. ";
        assert_eq!(pronoun_marked(text, 2, "he"), "he said *he* would , for him,\" he said.");
        assert_eq!(pronoun_marked(text, 3, "he"), "he said *he* would , for him,\" he said.");
        assert_eq!(pronoun_marked(text, 6, "him"), "he said he would , for *him* ,\" he said.");
        assert_eq!(pronoun_marked("it rains", 0, "she"), "it rains");
    }

    #[test]
    fn joins_highlights_as_sentences() {
        assert_eq!(
            without_highlights("One.\n@highlight\nTwo\n@highlight\nThree?\n@highlight\n\"Four\""),
            "One. Two. Three? \"Four\""
        );
    }
}

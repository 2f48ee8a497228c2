use std::collections::{BTreeMap, BTreeSet};

use mtpt::tasks::labels::Scale;
use mtpt::tasks::{excerpt, quoted_list};

use crate::args::init::LabelKind;
use crate::commands::init::columns::Column;
use crate::commands::init::values::{Numbers, Values};

/// Maximum number of distinct whole numbers that are classes.
const MAX_NUMBER_CLASSES: usize = 10;
/// Mean number of words from which on labels are texts, unless they repeat often.
const WORDS_OF_TEXT: f64 = 4.0;
/// Mean number of rows per label from which on long labels are classes.
const MANY_REPEATS: f64 = 5.0;
/// Number of rows below which short labels are classes although they don't repeat.
const FEW_ROWS: usize = 20;
/// Separators of several labels in one text.
const SEPARATORS: [&str; 3] = ["|", ";", ","];
/// Approximate number of steps between the lowest and the highest score.
const STEPS: f64 = 25.0;

/// The kind of the labels of a task, and the reason for choosing it.
#[derive(Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) kind: Kind,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Class,
    /// Scores, and the lowest and highest one found.
    Score(Scale, Numbers),
    Text,
    MultiLabel(LabelSource),
}

/// Place of the labels of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelSource {
    /// In a list.
    List,
    /// In a text, between separators.
    Separated(&'static str),
    /// In columns with yes or no.
    Columns,
}

impl Kind {
    /// Returns the name on the command line.
    pub(crate) fn option(&self) -> LabelKind {
        match self {
            Self::Class => LabelKind::Class,
            Self::Score(..) => LabelKind::Score,
            Self::Text => LabelKind::Text,
            Self::MultiLabel(_) => LabelKind::MultiLabel,
        }
    }
}

impl Decision {
    /// Decides by the values of the label columns, or checks the requested kind.
    ///
    /// # Errors
    ///
    /// A message if the columns cannot be of the requested kind, or have a single value.
    pub(crate) fn new(labels: &[&Column], requested: Option<LabelKind>) -> Result<Self, String> {
        let [label] = labels else { return several_columns(labels, requested) };
        let (name, values) = (label.name.as_str(), &label.values);
        let decision = match requested {
            Some(kind) => {
                Self { kind: requested_kind(label, kind)?, reason: "as requested".into() }
            }
            None => found(label),
        };
        let is_single = values.distinct() == Some(1) || values.total == 0;
        if is_single && !matches!(decision.kind, Kind::Text) {
            return Err(match values.counts.iter().flat_map(BTreeMap::keys).next() {
                Some(only) => format!(
                    "the column `{name}` has only one value, `{only}`, so there is nothing to learn; \
                     choose another with `--label`, or use a file with rows of other labels"
                ),
                None => format!(
                    "no row has a label in the column `{name}`; choose another with `--label`, or \
                     label some rows"
                ),
            });
        }
        Ok(decision)
    }
}

fn several_columns(labels: &[&Column], requested: Option<LabelKind>) -> Result<Decision, String> {
    let names: Vec<&String> = labels.iter().map(|label| &label.name).collect();
    let names = quoted_list(&names);
    if let Some(other) = labels.iter().find(|label| label.is_list || !label.values.are_truths()) {
        return Err(format!(
            "several label columns must have yes or no, 1 or 0, or true or false in each row, but \
             `{}` has other values; for a task per column, name the file once for each: `mtpt init \
             FILE FILE --label A --label B`",
            other.name
        ));
    }
    match requested {
        None | Some(LabelKind::MultiLabel) => Ok(Decision {
            kind: Kind::MultiLabel(LabelSource::Columns),
            reason: format!("{names} have yes or no"),
        }),
        Some(kind) => {
            Err(format!("`--kind {}` needs a single label column, found {names}", kind.as_str()))
        }
    }
}

/// Returns the requested kind.
fn requested_kind(label: &Column, kind: LabelKind) -> Result<Kind, String> {
    let (name, values) = (excerpt(&label.name), &label.values);
    if label.is_list && !matches!(kind, LabelKind::MultiLabel | LabelKind::Text) {
        return Err(format!(
            "the column `{name}` has lists, which `--kind {}` does not support",
            kind.as_str()
        ));
    }
    Ok(match kind {
        LabelKind::Class if values.counts.is_none() => {
            return Err(format!(
                "the column `{name}` has too many distinct values for classes; use `--kind text`, or \
                 choose another with `--label`"
            ));
        }
        LabelKind::Class => Kind::Class,
        LabelKind::Score => {
            let numbers = values.numbers().ok_or_else(|| {
                let other = values.counts.iter().flat_map(BTreeMap::keys);
                let other = other.into_iter().find(|value| value.trim().parse::<f64>().is_err());
                let other = other.map_or_else(String::new, |value| format!(", such as `{value}`"));
                format!("the column `{name}` has values that are not numbers{other}")
            })?;
            Kind::Score(scale(numbers)?, numbers)
        }
        LabelKind::Text => Kind::Text,
        LabelKind::MultiLabel if label.is_list => Kind::MultiLabel(LabelSource::List),
        LabelKind::MultiLabel if values.are_truths() => Kind::MultiLabel(LabelSource::Columns),
        LabelKind::MultiLabel => {
            let contains = |separator: &&str| {
                values
                    .counts
                    .iter()
                    .flat_map(BTreeMap::keys)
                    .any(|value| value.contains(*separator))
            };
            let separator = SEPARATORS.into_iter().find(contains).unwrap_or("|");
            Kind::MultiLabel(LabelSource::Separated(separator))
        }
    })
}

/// Returns the kind that the values suggest.
fn found(label: &Column) -> Decision {
    let (name, values) = (excerpt(&label.name), &label.values);
    let rows = values.total;
    if label.is_list {
        let are_texts = values.mean_words() >= WORDS_OF_TEXT
            || rows >= FEW_ROWS && values.repeats() < 1.5
            || values.counts.is_none();
        let (kind, what) = if are_texts {
            (Kind::Text, "texts that rarely repeat")
        } else {
            (Kind::MultiLabel(LabelSource::List), "labels")
        };
        return Decision { kind, reason: format!("`{name}` has lists of {what}") };
    }
    if let Some(numbers) = values.numbers() {
        let distinct = values.distinct_numbers();
        let few = distinct.is_some_and(|distinct| distinct <= MAX_NUMBER_CLASSES);
        if numbers.whole && few {
            let reason = format!("`{name}` has {} distinct whole numbers", distinct.unwrap_or(0));
            return Decision { kind: Kind::Class, reason };
        }
        if let Ok(scale) = scale(numbers) {
            let reason = format!(
                "`{name}` has {} distinct numbers from {} to {}",
                distinct.map_or_else(|| "many".to_owned(), |distinct| distinct.to_string()),
                numbers.lowest,
                numbers.highest
            );
            return Decision { kind: Kind::Score(scale, numbers), reason };
        }
    }
    if let Some(separator) = separator(values) {
        let reason = format!("`{name}` has labels with `{separator}` between them");
        return Decision { kind: Kind::MultiLabel(LabelSource::Separated(separator)), reason };
    }
    let Some(distinct) = values.distinct() else {
        let reason = format!("`{name}` has more than 1,000 distinct values");
        return Decision { kind: Kind::Text, reason };
    };
    let words = values.mean_words();
    if words >= WORDS_OF_TEXT && values.repeats() < MANY_REPEATS {
        let reason = format!("the values of `{name}` have {words:.1} words on average");
        return Decision { kind: Kind::Text, reason };
    }
    if values.repeats() < 2.0 && rows >= FEW_ROWS {
        let reason = format!("{distinct} of {rows} values of `{name}` differ");
        return Decision { kind: Kind::Text, reason };
    }
    let reason = format!("`{name}` has {distinct} distinct values");
    Decision { kind: Kind::Class, reason }
}

/// Returns the separator of several labels in one text, if there is one.
///
/// The parts must repeat, be short, and occur in different values.
fn separator(values: &Values) -> Option<&'static str> {
    let counts = values.counts.as_ref()?;
    SEPARATORS.into_iter().find(|&separator| {
        let mut found = BTreeMap::<&str, (usize, BTreeSet<&str>)>::new();
        let mut joined = 0;
        for (value, &rows) in counts {
            joined += if value.contains(separator) { rows } else { 0 };
            for part in value.split(separator).map(str::trim) {
                let (total, of) = found.entry(part).or_default();
                *total += rows;
                of.insert(value);
            }
        }
        let total: usize = found.values().map(|(total, _)| total).sum();
        let shared = found.values().filter(|(_, of)| of.len() > 1).count();
        let is_short = |part: &&str| !part.is_empty() && part.split_whitespace().count() <= 3;
        joined > 0
            && 2 * shared >= found.len()
            && found.len() <= counts.len().max(3)
            && total >= 2 * found.len()
            && found.keys().all(is_short)
    })
}

/// Returns a scale that contains all numbers, with round ends and steps.
///
/// # Errors
///
/// A message if the range is too small or too large.
fn scale(numbers: Numbers) -> Result<Scale, String> {
    let Numbers { lowest, highest, whole } = numbers;
    let least = (highest - lowest) / STEPS;
    let mut step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * 10_f64.powi(least.log10().floor() as i32))
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(least);
    if whole {
        step = step.max(1.0);
    }
    // `0.2` instead of `0.20000000000000001`.
    let rounded = |number: f64| format!("{number:.6}").parse().unwrap_or(number);
    let [lowest, highest] = [(lowest / step).floor() * step, (highest / step).ceil() * step];
    let scale = Scale { lowest: rounded(lowest), highest: rounded(highest), step: rounded(step) };
    scale.check().map_err(|error| {
        format!(
            "the scores from {} to {} do not form a scale: {error}",
            numbers.lowest, numbers.highest
        )
    })?;
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Kind {
        let mut values = Values::new();
        texts.iter().for_each(|text| values.add(text));
        let (filled, name) = (texts.len(), "label".to_owned());
        let column =
            Column { name, characters: 0, filled, present: filled, values, is_list: false };
        Decision::new(&[&column], None).unwrap().kind
    }

    #[test]
    fn values_decide_the_kind() {
        assert_eq!(of(&["a", "b", "a", "b"]), Kind::Class);
        assert_eq!(of(&["0", "1", "1", "0"]), Kind::Class);
        assert_eq!(of(&["1", "2.0", "3", "5", "1"]), Kind::Class);
        assert!(matches!(of(&["0", "0.00", "2.5", "5"]), Kind::Score(..)));
        let years: Vec<String> = (1..30).map(|year| year.to_string()).collect();
        let years: Vec<&str> = years.iter().map(String::as_str).collect();
        assert!(matches!(of(&years), Kind::Score(Scale { step: 2.0, .. }, _)));
        let names: Vec<String> = (0..30).map(|row| format!("name{row}")).collect();
        assert_eq!(of(&names.iter().map(String::as_str).collect::<Vec<_>>()), Kind::Text);
        assert_eq!(of(&["the cat sat on it", "the dog ran off"]), Kind::Text);
        let long = ["i want to cancel my order", "i want to send it back"].repeat(10);
        assert_eq!(of(&long), Kind::Class);
        // Too few rows to tell.
        assert_eq!(of(&["a", "b"]), Kind::Class);
    }

    #[test]
    fn joined_labels_differ_from_labels_with_a_separator() {
        let joined = |separator| Kind::MultiLabel(LabelSource::Separated(separator));
        assert_eq!(of(&["red|blue", "red", "blue", "red|green", "green"]), joined("|"));
        assert_eq!(of(&["red; blue", "red", "blue;green", "green"]), joined(";"));
        assert_eq!(of(&["red, blue", "red", "blue, green", "green"]), joined(","));
        assert_eq!(of(&["bug, technical", "other", "bug, technical", "other"]), Kind::Class);
        assert_eq!(of(&["yes;", "no", "yes;", "no"]), Kind::Class);
    }

    #[test]
    fn scales_contain_all_scores() {
        let scale = |lowest, highest, whole| {
            let scale = scale(Numbers { lowest, highest, whole }).unwrap();
            (scale.lowest, scale.highest, scale.step)
        };
        assert_eq!(scale(0.0, 5.0, false), (0.0, 5.0, 0.2));
        assert_eq!(scale(0.2, 4.8, false), (0.2, 4.8, 0.2));
        assert_eq!(scale(0.013, 0.97, false), (0.0, 1.0, 0.05));
        assert_eq!(scale(1.0, 100.0, true), (0.0, 100.0, 5.0));
        assert_eq!(scale(0.0, 11.0, true), (0.0, 11.0, 1.0));
        assert_eq!(scale(-1.0, 1.0, false), (-1.0, 1.0, 0.1));
        assert!(super::scale(Numbers { lowest: 0.0, highest: 1e-9, whole: false }).is_err());
    }
}

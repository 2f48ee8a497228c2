//! Generated tasks: plausible sentences whose labels follow from their parts.
//!
//! There are three groups of texts with two questions each: the subject and the sentiment of a
//! review, the topic and the intent of a letter to customer support, the section and the outlook of
//! a news notice. Both tasks of a group use the same texts, and no template identifies the
//! question: only the prompt can.
//!
//! Training, dev and test rows consist of different sentences and different words, so a prompt must
//! use the model's knowledge and can't memorize a list.

mod texts;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use mtpt::io::fs::write_atomic;
use mtpt::tasks::{Format, LabelsConfig, Split, Task, TaskConfig, TaskId};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use crate::Result;

/// A group of tasks on the same texts: sentences with gaps, and questions whose answers depend on
/// the fillers.
struct Group {
    name: &'static str,
    frames: &'static [&'static str],
    /// In this order: a filler may contain the gap of a later question.
    questions: &'static [Question],
}

/// A task: its name, which is also the gap's, and the fillers of each label.
struct Question {
    name: &'static str,
    labels: &'static [(&'static str, &'static [&'static str])],
}

/// Number of rows per group.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Training rows.
    pub train: usize,
    /// Dev rows.
    pub dev: usize,
    /// Test rows.
    pub test: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { train: 960, dev: 96, test: 240 }
    }
}

impl Sizes {
    /// Returns the default sizes with this many test rows and at most as many dev rows.
    pub fn with_test(test: usize) -> Self {
        let Self { train, dev, .. } = Self::default();
        Self { train, dev: dev.min(test), test }
    }
}

/// Returns the split of a text by its position in a list: of five, three are for training and one
/// each for dev and test.
fn split_of(place: usize) -> Split {
    match place % 5 {
        1 => Split::Dev,
        3 => Split::Test,
        _ => Split::Train,
    }
}

/// Writes the files of all groups and returns their tasks. The seed selects the training rows; dev
/// and test rows are always the same.
///
/// # Errors
///
/// When a file cannot be written.
pub fn tasks(folder: &Path, sizes: Sizes, seed: u64) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for group in texts::GROUPS {
        let file = |split, rows, seed| -> Result<PathBuf> {
            let path = folder.join(format!("{}.{split}.jsonl", group.name));
            write_atomic(&path, group.rows(split, rows, seed).as_bytes())?;
            Ok(path)
        };
        let train = file(Split::Train, sizes.train, seed)?;
        let dev = file(Split::Dev, sizes.dev, 0)?;
        let test = file(Split::Test, sizes.test, 0)?;
        for question in group.questions {
            let name = TaskId::new(&format!("{}/{}", group.name, question.name))?;
            let words = question.labels.iter().map(|&(label, _)| (label, label));
            tasks.push(Task::new(&TaskConfig {
                train: Some(train.clone()),
                dev: Some(dev.clone()),
                test: Some(test.clone()),
                template: Some("{text}".to_owned()),
                label_field: Some(question.name.to_owned()),
                labels: Some(LabelsConfig::words(words)),
                ..TaskConfig::new(name, Format::JsonLines)
            })?);
        }
    }
    Ok(tasks)
}

impl Group {
    /// Returns distinct rows of a split as JSON Lines, with equally frequent labels.
    fn rows(&self, split: Split, rows: usize, seed: u64) -> String {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        // The number of attempts is limited, because the number of distinct sentences is.
        for _ in 0..100 * rows {
            if lines.len() == rows {
                break;
            }
            let (text, labels) = self.row(split, lines.len(), &mut rng);
            if seen.insert(text.clone()) {
                let mut row = Map::from_iter([("text".to_owned(), Value::from(text))]);
                row.extend(labels);
                lines.push(format!("{}\n", Value::Object(row)));
            }
        }
        lines.shuffle(&mut rng);
        lines.concat()
    }

    /// Returns a text and its labels.
    fn row(
        &self,
        split: Split,
        mut turn: usize,
        rng: &mut ChaCha8Rng,
    ) -> (String, Vec<(String, Value)>) {
        let mut text = choose(self.frames, split, rng).to_owned();
        let mut labels = Vec::new();
        for question in self.questions {
            let (label, fillers) = question.labels[turn % question.labels.len()];
            turn /= question.labels.len();
            let gap = format!("{{{}}}", question.name);
            text = text.replace(&gap, choose(fillers, split, rng));
            labels.push((question.name.to_owned(), Value::from(label)));
        }
        (capitalized(&text), labels)
    }
}

/// Samples a text of a split.
fn choose(texts: &[&'static str], split: Split, rng: &mut ChaCha8Rng) -> &'static str {
    let places: Vec<usize> = (0..texts.len()).filter(|&place| split_of(place) == split).collect();
    places.choose(rng).map_or("", |&place| texts[place])
}

fn capitalized(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

/// A handwritten sentence and its label for a task.
pub struct Written {
    /// Name of the task.
    pub task: String,
    /// The sentence.
    pub text: &'static str,
    /// The label.
    pub label: &'static str,
}

/// Sentences unlike the generated ones, each with both tasks of its group.
pub fn written() -> Vec<Written> {
    let mut written = Vec::new();
    for &(name, labels, text) in texts::WRITTEN {
        let group = texts::GROUPS.iter().filter(|group| group.name == name);
        for (question, &label) in group.flat_map(|group| group.questions).zip(labels) {
            let task = format!("{name}/{}", question.name);
            written.push(Written { task, text, label });
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPLITS: [Split; 3] = Split::ALL;

    fn fillers(question: &Question, split: Split) -> impl Iterator<Item = &'static str> {
        let all = question.labels.iter().flat_map(|(_, fillers)| fillers.iter().enumerate());
        all.filter(move |(place, _)| split_of(*place) == split).map(|(_, filler)| *filler)
    }

    /// Returns the words that carry a filler's meaning, by their length.
    fn words(filler: &str) -> impl Iterator<Item = String> {
        let words = filler.split(|sign: char| !sign.is_alphabetic());
        words.filter(|word| word.len() > 3).map(str::to_lowercase)
    }

    #[test]
    fn dev_and_test_words_are_not_in_the_training_rows() {
        // Sentences share function words; single words and phrases share none.
        let function = ["than", "what", "with", "from"];
        for group in texts::GROUPS {
            for question in group.questions {
                let train: Vec<&str> = fillers(question, Split::Train).collect();
                let known: HashSet<String> = train.iter().copied().flat_map(words).collect();
                for split in [Split::Dev, Split::Test] {
                    for filler in fillers(question, split) {
                        assert!(!train.contains(&filler), "{filler}");
                        if filler.contains('{') {
                            continue;
                        }
                        for word in words(filler).filter(|word| !function.contains(&&**word)) {
                            assert!(!known.contains(&word), "`{word}` of `{filler}` is known");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_gap_is_filled_and_labels_are_balanced() {
        for group in texts::GROUPS {
            let mut all = HashSet::new();
            for split in SPLITS {
                let sizes = Sizes::default();
                let count = [sizes.train, sizes.dev, sizes.test][split as usize];
                let rows = group.rows(split, count, 7);
                assert_eq!(rows.lines().count(), count, "{} {split}", group.name);
                let rows: Vec<Map<String, Value>> =
                    rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                for question in group.questions {
                    for (label, _) in question.labels {
                        let share = rows.iter().filter(|row| row[question.name] == *label).count();
                        assert_eq!(share, count / question.labels.len(), "{label}");
                    }
                }
                for row in rows {
                    let text = row["text"].as_str().unwrap().to_owned();
                    assert!(!text.contains(['{', '}']), "{text}");
                    assert!(text.starts_with(char::is_uppercase), "{text}");
                    assert!(all.insert(text.clone()), "twice: {text}");
                }
            }
        }
    }

    #[test]
    fn written_sentences_have_labels_of_their_tasks() {
        let written = written();
        assert_eq!(written.len(), 2 * texts::WRITTEN.len());
        for Written { task, label, .. } in written {
            let question = texts::GROUPS
                .iter()
                .flat_map(|group| group.questions.iter().map(move |question| (group, question)))
                .find(|(group, question)| format!("{}/{}", group.name, question.name) == task);
            let (_, question) = question.unwrap();
            assert!(question.labels.iter().any(|(known, _)| *known == label), "{task}: {label}");
        }
    }

    #[test]
    fn the_seed_selects_training_rows() {
        let rows = |seed| texts::GROUPS[0].rows(Split::Train, 50, seed);
        assert_eq!(rows(1), rows(1));
        assert_ne!(rows(1), rows(2));
    }
}

//! Tasks that are made here: plausible sentences whose label follows from how they were put together.
//!
//! Rows to learn from and rows to judge by are built from different sentences and different words, so that a prompt must
//! find the meaning in the model and cannot learn a list.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use mtpt::tasks::{Format, LabelsConfig, Task, TaskConfig, TaskId};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Rows of each label to learn from and to judge by.
const TRAIN: usize = 200;
const TEST: usize = 60;

/// What a task is made of: its name, and for each label the sentences and the words that fill their gap.
struct Recipe {
    name: &'static str,
    labels: &'static [Label],
}

/// A label with frames, where `_` is the gap, and fillers. The first half of both makes rows to learn from, the second half
/// rows to judge by.
struct Label {
    word: &'static str,
    frames: &'static [&'static str],
    fillers: &'static [&'static str],
}

const REVIEW: &[&str] = &[
    "the food at this restaurant was _ .",
    "we found the whole film _ from start to end .",
    "my new phone is simply _ .",
    "the concert last night was _ , everyone said so .",
    "i must say that the hotel was _ .",
    "the second season of the show is _ .",
    "her latest novel is _ .",
    "our guide on the tour was _ .",
];

const REQUEST: &[&str] = &[
    "hello , i have a question about _ .",
    "please help me , there is a problem with _ .",
    "i am writing because of _ .",
    "can you look at _ for me ?",
    "we need to talk about _ .",
    "could someone explain _ to me ?",
    "i am not happy with _ .",
    "something is wrong with _ .",
];

const REPORT: &[&str] = &[
    "they spent the whole evening talking about _ .",
    "the article is about _ .",
    "he gave a long speech on _ .",
    "a new report on _ was published today .",
    "the students wrote an essay about _ .",
    "the radio had a programme on _ .",
    "she reads everything about _ .",
    "the museum has a room about _ .",
];

const RECIPES: &[Recipe] = &[
    Recipe {
        name: "reviews/sentiment",
        labels: &[
            Label {
                word: "positive",
                frames: REVIEW,
                fillers: &[
                    "wonderful",
                    "delightful",
                    "excellent",
                    "beautiful",
                    "brilliant",
                    "great",
                    "charming",
                    "amazing",
                    "lovely",
                    "superb",
                    "fantastic",
                    "perfect",
                ],
            },
            Label {
                word: "negative",
                frames: REVIEW,
                fillers: &[
                    "terrible",
                    "boring",
                    "awful",
                    "disappointing",
                    "dreadful",
                    "bad",
                    "horrible",
                    "stupid",
                    "dull",
                    "ugly",
                    "miserable",
                    "poor",
                ],
            },
        ],
    },
    Recipe {
        name: "reviews/strength",
        labels: &[
            Label {
                word: "strong",
                frames: &[
                    "this is without any doubt the _ thing i have ever seen .",
                    "never in my life have i met anything so extremely _ .",
                    "it was absolutely and completely _ !",
                    "nothing in the world could be more _ than this .",
                ],
                fillers: &["good", "bad", "funny", "strange", "sad", "new", "pretty", "odd"],
            },
            Label {
                word: "weak",
                frames: &[
                    "i suppose it was a little _ , perhaps .",
                    "some might say that it is somewhat _ .",
                    "it seemed slightly _ to me , though i may be wrong .",
                    "maybe it was kind of _ , i am not sure .",
                ],
                fillers: &["good", "bad", "funny", "strange", "sad", "new", "pretty", "odd"],
            },
        ],
    },
    Recipe {
        name: "support/topic",
        labels: &[
            Label {
                word: "money",
                frames: REQUEST,
                fillers: &[
                    "my last bill",
                    "the price of the ticket",
                    "a payment from march",
                    "the fee on my card",
                    "my refund",
                    "the invoice",
                    "the tax on this order",
                    "my bank account",
                ],
            },
            Label {
                word: "travel",
                frames: REQUEST,
                fillers: &[
                    "my flight to rome",
                    "the train on monday",
                    "our hotel room",
                    "the bus to the airport",
                    "my seat on the plane",
                    "the journey home",
                    "our trip to the coast",
                    "the boat tour",
                ],
            },
            Label {
                word: "computer",
                frames: REQUEST,
                fillers: &[
                    "the new software",
                    "my laptop screen",
                    "a virus on my machine",
                    "the wireless network",
                    "my keyboard",
                    "the printer driver",
                    "a file on the disk",
                    "the web server",
                ],
            },
        ],
    },
    Recipe {
        name: "news/subject",
        labels: &[
            Label {
                word: "animal",
                frames: REPORT,
                fillers: &[
                    "wild horses",
                    "an old dog",
                    "the birds of the island",
                    "elephants",
                    "the life of bees",
                    "two young lions",
                    "whales",
                    "a cat",
                ],
            },
            Label {
                word: "music",
                frames: REPORT,
                fillers: &[
                    "a violin concert",
                    "jazz singers",
                    "the piano",
                    "an opera",
                    "a new album",
                    "the church choir",
                    "folk songs",
                    "a rock band",
                ],
            },
            Label {
                word: "sport",
                frames: REPORT,
                fillers: &[
                    "the football match",
                    "a tennis player",
                    "the olympic games",
                    "running",
                    "a baseball team",
                    "swimming",
                    "the goalkeeper",
                    "a boxing champion",
                ],
            },
            Label {
                word: "food",
                frames: REPORT,
                fillers: &[
                    "fresh bread",
                    "italian cooking",
                    "a chocolate cake",
                    "cheese",
                    "the best soup",
                    "fried fish",
                    "apple pie",
                    "rice and beans",
                ],
            },
        ],
    },
];

/// Makes the files of all tasks in a folder and describes them.
pub fn tasks(folder: &Path, seed: u64) -> Result<Vec<Task>, Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    RECIPES
        .iter()
        .map(|recipe| {
            let file = recipe.name.replace('/', "-");
            let [train, test] =
                ["train", "test"].map(|split| folder.join(format!("{file}.{split}.jsonl")));
            write(&train, recipe, TRAIN, |count| 0..count / 2, &mut rng)?;
            write(&test, recipe, TEST, |count| count / 2..count, &mut rng)?;
            let leaf = recipe.name.rsplit('/').next().unwrap_or(recipe.name);
            let words = recipe.labels.iter().map(|label| (label.word, label.word));
            Ok(Task::new(&TaskConfig {
                train: Some(train),
                test: Some(test),
                template: Some(format!("{leaf}: {{text}}")),
                labels: Some(LabelsConfig::words(words)),
                ..TaskConfig::new(TaskId::new(recipe.name)?, Format::JsonLines)
            })?)
        })
        .collect()
}

fn write(
    path: &Path,
    recipe: &Recipe,
    rows: usize,
    part: impl Fn(usize) -> std::ops::Range<usize>,
    rng: &mut ChaCha8Rng,
) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for label in recipe.labels {
        let frames = &label.frames[part(label.frames.len())];
        let fillers = &label.fillers[part(label.fillers.len())];
        for _ in 0..rows {
            let (Some(frame), Some(filler)) = (frames.choose(rng), fillers.choose(rng)) else {
                continue;
            };
            let opening = ["", "well , ", "you know , ", "to be honest , "][rng.random_range(0..4)];
            let text = format!("{opening}{}", frame.replace('_', filler));
            lines.push(json!({ "text": text, "label": label.word }).to_string());
        }
    }
    lines.shuffle(rng);
    let mut file = BufWriter::new(File::create(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

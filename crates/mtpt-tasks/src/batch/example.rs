use crate::batch::max_lengths::MaxLengths;
use crate::batch::truncated::Truncated;
use crate::error::{Error, Result};
use crate::labels::gold::Gold;
use crate::task::instance::Instance;
use crate::tokenize::{Tokenize, truncate};

/// A tokenized example.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenizedExample {
    /// Position of the task among the tasks of a run.
    pub task: usize,
    /// Tokens of the input, the end of sentence last.
    pub input_ids: Vec<u32>,
    /// Tokens of the target, the end of sentence last.
    pub target_ids: Vec<u32>,
    /// Index of the target among its candidates, see [`Instance::label`], if there are several.
    pub label: Option<usize>,
    /// The gold label, if there is one.
    pub gold: Option<Gold>,
}

impl TokenizedExample {
    /// Tokenizes the instances of one task and truncates them to the maximum lengths.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Tokenize`] with the location of the row whose text cannot be tokenized.
    pub fn tokenize_all(
        task: usize,
        instances: &[Instance],
        tokenizer: &impl Tokenize,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        Ok(Self::tokenize_counted(task, instances, tokenizer, max_lengths)?.0)
    }

    /// Tokenizes instances like [`tokenize_all`](Self::tokenize_all), and returns how many texts
    /// were truncated.
    ///
    /// # Errors
    ///
    /// As [`tokenize_all`](Self::tokenize_all).
    pub fn tokenize_counted(
        task: usize,
        instances: &[Instance],
        tokenizer: &impl Tokenize,
        max_lengths: MaxLengths,
    ) -> Result<(Vec<Self>, Truncated)> {
        // Caches the label words, which recur in many examples.
        let mut targets: Vec<Option<(Vec<u32>, bool)>> = Vec::new();
        // Returns whether the text was truncated, too.
        let tokenize = |instance: &Instance, text: &str, max_length: usize| {
            let mut ids = tokenizer.tokenize(text).map_err(|problem| Error::Tokenize {
                location: instance.location.clone(),
                problem,
            })?;
            let is_truncated = ids.len() > max_length;
            truncate(&mut ids, max_length);
            Ok::<_, Error>((ids, is_truncated))
        };
        let mut truncated = Truncated::default();
        let mut examples = Vec::with_capacity(instances.len());
        for instance in instances {
            let (input_ids, input_is_truncated) =
                tokenize(instance, &instance.input, max_lengths.input)?;
            let target = || tokenize(instance, &instance.target, max_lengths.target);
            let (target_ids, target_is_truncated) = if instance.has_own_targets() {
                target()?
            } else {
                if targets.len() <= instance.label {
                    targets.resize(instance.label + 1, None);
                }
                match &targets[instance.label] {
                    Some(known) => known.clone(),
                    None => targets[instance.label].insert(target()?).clone(),
                }
            };
            truncated += Truncated {
                inputs: usize::from(input_is_truncated),
                targets: usize::from(target_is_truncated),
            };
            examples.push(Self {
                task,
                input_ids,
                target_ids,
                label: Some(instance.label),
                gold: Some(instance.gold),
            });
        }
        Ok((examples, truncated))
    }
}

use crate::batch::max_lengths::MaxLengths;
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

    /// Tokenizes instances like [`tokenize_all`](Self::tokenize_all), and returns how many inputs
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
    ) -> Result<(Vec<Self>, usize)> {
        // Caches the label words, which recur in many examples.
        let mut targets: Vec<Option<Vec<u32>>> = Vec::new();
        let tokenize = |instance: &Instance, text: &str| {
            tokenizer
                .tokenize(text)
                .map_err(|problem| Error::Tokenize { location: instance.location.clone(), problem })
        };
        let mut truncated = 0;
        let mut examples = Vec::with_capacity(instances.len());
        for instance in instances {
            let mut input_ids = tokenize(instance, &instance.input)?;
            truncated += usize::from(input_ids.len() > max_lengths.input);
            truncate(&mut input_ids, max_lengths.input);
            let target = || {
                let mut ids = tokenize(instance, &instance.target)?;
                truncate(&mut ids, max_lengths.target);
                Ok::<_, Error>(ids)
            };
            let target_ids = if instance.has_own_targets() {
                target()?
            } else {
                if targets.len() <= instance.label {
                    targets.resize(instance.label + 1, None);
                }
                match &targets[instance.label] {
                    Some(ids) => ids.clone(),
                    None => targets[instance.label].insert(target()?).clone(),
                }
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

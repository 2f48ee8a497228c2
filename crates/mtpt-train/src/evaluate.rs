use mtpt_core::{Backbone, Compose, TaskIndex, embed_prompted};
use mtpt_tasks::{Evaluation, Padding, Split, TokenBatch, TokenizedExample, group_by_length};

use crate::{Candidates, DeviceBatch, Error, Result, TaskData};

/// Log-probability of every candidate for each row, in nats, with the prompt of each row's task in front of it, or
/// without prompts.
///
/// Rows are taken in groups of similar length, `batch_size` at a time, so the order of the work is not theirs; that of the
/// output is: for each row a number for each candidate.
///
/// # Errors
///
/// [`Error::Width`], when the prompts are not as wide as the model.
pub fn rank_rows<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    rows: &[TokenizedExample],
    candidates: &Candidates,
    batch_size: usize,
) -> Result<Vec<Vec<f64>>> {
    if let Some(composition) = composition {
        check_width(backbone, composition)?;
    }
    let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
    let mut scores = vec![Vec::new(); rows.len()];
    let padding = Padding { id: backbone.pad_token_id(), multiple: 1 };
    for group in group_by_length(&lengths, batch_size) {
        let batch = TokenBatch::new(group.iter().map(|&row| &rows[row]), padding)?;
        let start = backbone.decoder_start_token_id();
        let batch = DeviceBatch::new(&batch, start, &backbone.device());
        let (ids, mask) = (batch.input_ids, batch.input_mask);
        let (embeddings, mask) = embed_prompted(backbone, composition, &batch.tasks, ids, mask);
        let encoded = backbone.encode(embeddings.inner(), mask.clone());
        let ranked = candidates.log_probabilities(backbone, encoded, mask);
        for (row, ranked) in group.into_iter().zip(ranked) {
            scores[row] = ranked;
        }
    }
    Ok(scores)
}

/// Judges a split of a task by ranking its label words.
///
/// The composition should be in its validating form ([`Module::valid`](burn::module::Module::valid)): nothing here is
/// differentiated. The metrics' values are fractions.
///
/// # Errors
///
/// [`Error::Width`], when the prompts are not as wide as the model.
pub fn evaluate<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    data: &TaskData,
    split: Split,
    batch_size: usize,
) -> Result<Evaluation> {
    let rows = data.rows(split);
    let scores = rank_rows(backbone, composition, rows, data.candidates(), batch_size)?;
    let labels = data.task().labels();
    let predictions: Vec<_> =
        scores.iter().map(|scores| labels.rank(scores)).collect::<Result<_, _>>()?;
    Ok(data.task().evaluate(&data.gold(split), &predictions)?)
}

/// Checks that prompts can stand in front of a model's embeddings.
///
/// # Errors
///
/// [`Error::Width`], when they are wider or narrower.
pub fn check_width<B: Backbone, C: Compose>(backbone: &B, composition: &C) -> Result<()> {
    let (expected, found) = (backbone.d_model(), composition.d_model());
    if expected == found { Ok(()) } else { Err(Error::Width { expected, found }) }
}

/// The position of a task as the row of a composition.
pub(crate) fn index(position: usize) -> TaskIndex {
    TaskIndex::new(position as u32)
}

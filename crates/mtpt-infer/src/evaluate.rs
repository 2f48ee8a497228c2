use burn::tensor::{Bool, Tensor};
use mtpt_core::{Backbone, Compose, embed_prompted, par_map};
use mtpt_tasks::{Evaluation, Padding, Split, TokenBatch, TokenizedExample, parts_by_length};

use crate::candidates::Candidates;
use crate::device_batch::DeviceBatch;
use crate::error::{Error, Result};
use crate::task_data::TaskData;
use crate::token_budget::tokens_at_a_time;

/// Log-probability of every candidate for each row, in nats, with the prompt of each row's task in front of it, or
/// without prompts.
///
/// Rows are taken in groups of similar length, at most `batch_size` at a time, so the order of the work is not theirs; that of the
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
    each_encoded(backbone, composition, rows, batch_size, |_, encoded, mask| {
        candidates.log_probabilities(backbone, encoded, mask)
    })
}

/// The same for rows that have candidates of their own: for each row a number for each of its candidates.
///
/// # Errors
///
/// [`Error::Width`], when the prompts are not as wide as the model.
///
/// # Panics
///
/// When there are candidates for more or fewer rows.
pub fn rank_choices<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    rows: &[TokenizedExample],
    candidates: &[Candidates],
    batch_size: usize,
) -> Result<Vec<Vec<f64>>> {
    assert_eq!(rows.len(), candidates.len(), "candidates for each row");
    each_encoded(backbone, composition, rows, batch_size, |group, encoded, mask| {
        let candidates: Vec<&Candidates> = group.iter().map(|&row| &candidates[row]).collect();
        Candidates::log_probabilities_of_rows(&candidates, backbone, encoded, mask)
    })
}

/// Tokens that the model writes for each row, the likeliest after those before it, at most `longest` of them.
///
/// # Errors
///
/// [`Error::Width`], when the prompts are not as wide as the model.
pub fn generate_rows<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    rows: &[TokenizedExample],
    longest: usize,
    batch_size: usize,
) -> Result<Vec<Vec<u32>>> {
    each_encoded(backbone, composition, rows, batch_size, |_, encoded, mask| {
        backbone.generate_greedy(encoded, mask, longest)
    })
}

/// What is made of each row's encoding, in the order of the rows. Rows are encoded in groups of similar length; what makes
/// something of them is told which rows they are.
fn each_encoded<B: Backbone, C: Compose, T: Clone + Default + Send>(
    backbone: &B,
    composition: Option<&C>,
    rows: &[TokenizedExample],
    batch_size: usize,
    make: impl Fn(&[usize], Tensor<3>, Tensor<2, Bool>) -> Vec<T> + Sync,
) -> Result<Vec<T>> {
    if let Some(composition) = composition {
        check_width(backbone, composition)?;
    }
    let prompt_length = composition.map_or(0, C::prompt_length);
    let lengths: Vec<usize> = rows.iter().map(|row| prompt_length + row.input_ids.len()).collect();
    let device = backbone.device();
    let most_tokens = tokens_at_a_time(lengths.iter().sum(), &device);
    let groups = parts_by_length(&lengths, batch_size.max(1), most_tokens);
    let padding = Padding { id: backbone.pad_token_id(), multiple: 1 };
    let of_groups = par_map(&device, groups, |group| {
        let batch = TokenBatch::new(group.iter().map(|&row| &rows[row]), padding)?;
        let batch = DeviceBatch::new(&batch, backbone.decoder_start_token_id(), &device);
        let (ids, mask) = (batch.input_ids, batch.input_mask);
        let (embeddings, mask) = embed_prompted(backbone, composition, &batch.tasks, ids, mask);
        let encoded = backbone.encode(embeddings.inner(), mask.clone());
        let made = make(&group, encoded, mask);
        Ok::<_, Error>((group, made))
    });
    let mut made = vec![T::default(); rows.len()];
    for of_group in of_groups {
        let (group, of_group) = of_group?;
        for (row, one) in group.into_iter().zip(of_group) {
            made[row] = one;
        }
    }
    Ok(made)
}

/// Judges a split of a task: by ranking its label words or the candidates of each row, or by the text that the model writes,
/// always the likeliest token next, until the longest target's length.
///
/// The composition should be in its validating form ([`Module::valid`](burn::module::Module::valid)): nothing here is
/// differentiated. The metrics' values are fractions.
///
/// # Errors
///
/// [`Error::Width`], when the prompts are not as wide as the model; [`Error::Detokenize`], when what the model wrote cannot be
/// turned into text.
pub fn evaluate<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    data: &TaskData,
    split: Split,
    batch_size: usize,
) -> Result<Evaluation> {
    let (rows, labels) = (data.rows(split), data.task().labels());
    if labels.is_text() {
        let longest = data.max_lengths().target;
        let texts = generate_rows(backbone, composition, rows, longest, batch_size)?
            .iter()
            .map(|ids| data.text(ids))
            .collect::<Result<Vec<_>>>()?;
        return Ok(data.task().evaluate_texts(data.references(split), &texts)?);
    }
    let scores = if labels.choice_fields().is_some() {
        rank_choices(backbone, composition, rows, data.choices(split), batch_size)?
    } else {
        rank_rows(backbone, composition, rows, data.candidates(), batch_size)?
    };
    let predictions: Vec<_> =
        scores.iter().map(|scores| labels.rank(scores)).collect::<Result<_, _>>()?;
    data.judge(split, &predictions)
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

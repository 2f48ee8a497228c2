use std::cell::Cell;
use std::path::Path;

use mtpt::burn::tensor::Device;
use mtpt::core::{Backbone, Inputs, TaskIndex, WeightFormat, is_cpu, parallelism};
use mtpt::infer::{
    DeviceBatch, Predictor, Prompted, Prompts, check_length, max_row_length, partition_for_memory,
};
use mtpt::t5::T5;
use mtpt::tasks::{Tokenize, TokenizedExample, UnknownTokens, excerpt};

use crate::args::device::DeviceArgs;
use crate::args::inference::PromptedRows;
use crate::args::weights::WeightArgs;
use crate::error::Result;
use crate::input::row::Row;
use crate::input_limit::InputLimit;
use crate::model::{Model, open_device};
use crate::model_search::model_of_prompts;
use crate::prompts::PromptSource;
use crate::stdio::message;

/// A model that is not loaded yet.
pub(crate) struct ModelSource<'a> {
    /// The model; by default the one that the prompts were trained for.
    path: Option<&'a Path>,
    weights: WeightFormat,
    device: Device,
}

impl<'a> ModelSource<'a> {
    /// Opens the device that is to compute.
    pub(crate) fn open(
        path: Option<&'a Path>,
        weights: WeightArgs,
        device: &DeviceArgs,
    ) -> Result<Self> {
        let device = open_device(&device.device)?;
        Ok(Self { path, weights: weights.or(WeightFormat::F32), device })
    }
}

/// A model, with or without prompts for its inputs.
pub(crate) struct PromptedModel {
    pub(crate) model: Model,
    pub(crate) prompts: Option<Prompts>,
    /// Task of rows without a `task` field.
    default_task: Option<TaskIndex>,
    /// Whether the prompts' vectors for the decoder are ignored.
    no_decoder_prompt: bool,
    /// Maximum number of tokens of a row that the memory suffices for.
    max_row_length: usize,
    /// Counts of the inputs so far.
    unknown_tokens: Cell<UnknownTokens>,
}

impl PromptedModel {
    pub(crate) fn load(arguments: &PromptedRows) -> Result<Self> {
        let model = arguments.model.as_deref();
        let model = ModelSource::open(model, arguments.weights, &arguments.device)?;
        let no_decoder_prompt = arguments.no_decoder_prompt;
        let prompts = arguments.prompts.as_deref();
        let prompts = prompts.map(|path| PromptSource { path, no_decoder_prompt });
        Self::new(&model, prompts, arguments.task.as_deref())
    }

    /// Loads a model, by default the one that the prompts were trained for.
    pub(crate) fn new(
        source: &ModelSource<'_>,
        prompts: Option<PromptSource<'_>>,
        task: Option<&str>,
    ) -> Result<Self> {
        let ModelSource { path: model, weights, ref device } = *source;
        // Prompts are read first, so a mistyped path fails before a large model is loaded.
        let no_decoder_prompt = prompts.is_some_and(|source| source.no_decoder_prompt);
        let path = prompts.map_or(Path::new(""), |source| source.path);
        let prompts = prompts.map(|source| source.read(device)).transpose()?;
        let default_task = match (&prompts, task) {
            (Some(prompts), Some(task)) => Some(prompts.find(task)?),
            (Some(prompts), None) if prompts.tasks().len() == 1 => Some(TaskIndex::new(0)),
            _ => None,
        };
        let recorded = prompts.as_ref().map_or("", |prompts| &prompts.header().model);
        let model = match model {
            Some(model) => model.to_owned(),
            None => model_of_prompts(path, recorded)?,
        };
        let model = Model::load(&model, weights, device)?;
        if let Some(prompts) = &prompts {
            prompts.check_fits(&model.t5)?;
            report_format(prompts.header().weights, weights);
        }
        Ok(Self {
            max_row_length: max_row_length(model.t5.get()),
            model,
            prompts,
            default_task,
            no_decoder_prompt,
            unknown_tokens: Cell::default(),
        })
    }

    /// Returns the model with its prompts.
    pub(crate) fn prompted(&self) -> Result<Prompted<'_, T5>> {
        let t5 = self.model.t5.get();
        let Some(prompts) = &self.prompts else { return Ok(Prompted::plain(t5)) };
        let prompted = Prompted::new(t5, prompts.composition())?;
        Ok(if self.no_decoder_prompt { prompted.without_decoder_prompt() } else { prompted })
    }

    /// Returns a predictor for the tasks of prompts.
    pub(crate) fn predictor<'a, T: Tokenize>(
        &'a self,
        prompts: &'a Prompts,
        tokenizer: &'a T,
    ) -> Result<Predictor<'a, T5, T>> {
        let predictor = Predictor::new(self.model.t5.get(), prompts, tokenizer)?;
        Ok(if self.no_decoder_prompt { predictor.without_decoder_prompt() } else { predictor })
    }

    /// Returns the task of a row; `None` without prompts.
    pub(crate) fn task(&self, row: &Row) -> Result<Option<TaskIndex>> {
        // Tables have empty cells for rows without a task.
        let name = row.text("task")?.filter(|name| !name.trim().is_empty());
        match (&self.prompts, name) {
            (None, None) => Ok(None),
            (None, Some(name)) => Err(row.error(format!(
                "the row has the task `{}`, but there are no prompts; pass `--prompts`",
                excerpt(name)
            ))),
            (Some(prompts), Some(name)) => {
                prompts.find(name).map(Some).map_err(|error| row.error(error.to_string()))
            }
            (Some(_), None) => match self.default_task {
                Some(task) => Ok(Some(task)),
                None => {
                    Err(row.error("no task given: add a `task` field to the row, or pass `--task`"))
                }
            },
        }
    }

    /// Returns the maximum length of inputs, unless one is given.
    pub(crate) fn input_limit(&self, given: Option<usize>) -> InputLimit {
        InputLimit::new(given, self.prompts.as_ref(), self.model.folder())
    }

    /// Returns the task of a row and the tokens of its `input` or `input_ids`, otherwise those of
    /// its `rendered_input` or of the template of the task, truncated to the maximum length.
    pub(crate) fn example(&self, row: &Row, limit: &InputLimit) -> Result<TokenizedExample> {
        // Without prompts, the task isn't used.
        let task = self.task(row)?.unwrap_or(TaskIndex::new(0));
        let mut ids = match self.rendered(task, row)? {
            Some(text) => self.encode(&text).map_err(|error| row.error(error.to_string()))?,
            None if row.has("rendered_input") && !row.has("input") && !row.has("input_ids") => {
                self.tokens(row, "rendered_input")?
            }
            None => self.tokens(row, "input")?,
        };
        limit.truncate(&mut ids);
        self.count_unknown_tokens(&ids);
        Ok(unlabeled(task, ids))
    }

    /// Returns the text of a row by the template of its task, unless the row has a complete text.
    fn rendered(&self, task: TaskIndex, row: &Row) -> Result<Option<String>> {
        if ["input", "input_ids", "rendered_input"].into_iter().any(|name| row.has(name)) {
            return Ok(None);
        }
        let Some(prompts) = &self.prompts else { return Ok(None) };
        let Some(template) = prompts.tasks()[task.position()].template()? else { return Ok(None) };
        if let Some(field) = template.fields().find(|field| !row.has(field)) {
            return Err(row.error(format!(
                "expected `input`, or the fields of the task's template `{}`; found no `{field}`",
                template.as_str()
            )));
        }
        let text = template.render(row.example());
        Ok(Some(text.map_err(|error| row.error(error.to_string()))?))
    }

    fn encode(&self, text: &str) -> mtpt::t5::Result<Vec<u32>> {
        self.model.tokenizer()?.encode(text)
    }

    /// Rejects a row that needs too much memory.
    pub(crate) fn check_length(&self, row: &Row, example: &TokenizedExample) -> Result<()> {
        check_length(&example.input_ids, &example.target_ids, self.max_row_length, None)
            .map_err(|error| row.error(error.to_string()))
    }

    /// Counts the unknown tokens of an input.
    pub(crate) fn count_unknown_tokens(&self, input_ids: &[u32]) {
        let unknown = self.model.unknown_token();
        let mut counts = self.unknown_tokens.get();
        counts.add(input_ids, unknown);
        self.unknown_tokens.set(counts);
    }

    /// Reports text outside the vocabulary of the tokenizer.
    pub(crate) fn note_unknown_tokens(&self) {
        note_unknown_tokens(self.unknown_tokens.get());
    }

    /// Returns the number of rows that the device computes efficiently at a time: several parts for
    /// each thread of a CPU.
    pub(crate) fn rows_at_a_time(&self) -> usize {
        let device = self.model.t5.device();
        if is_cpu(&device) { 64 * parallelism(&device) } else { 1024 }
    }

    /// Returns the tokens of a field.
    pub(crate) fn tokens(&self, row: &Row, field: &str) -> Result<Vec<u32>> {
        let vocab_size = self.model.t5.config().vocab_size;
        row.tokens(field, vocab_size, |text| self.encode(text))
    }

    /// Partitions examples into as few parts as memory allows. The examples of a part keep their
    /// order.
    pub(crate) fn parts(&self, examples: &[&TokenizedExample]) -> Result<Vec<Vec<usize>>> {
        let prompt_length = self.prompted()?.prompt_length();
        let lengths: Vec<usize> =
            examples.iter().map(|example| prompt_length + example.input_ids.len()).collect();
        let mut parts = partition_for_memory(&lengths, usize::MAX, self.model.t5.get());
        parts.iter_mut().for_each(|part| part.sort_unstable());
        Ok(parts)
    }

    /// Embeds the inputs of examples, with the prompts of their tasks prepended, if any.
    pub(crate) fn inputs<'a>(
        &self,
        examples: impl IntoIterator<Item = &'a TokenizedExample>,
    ) -> Result<Inputs> {
        let prompted = self.prompted()?;
        let batch = DeviceBatch::for_backbone(examples, prompted.backbone());
        Ok(prompted.embed(&batch.tasks, batch.input_ids, batch.input_mask))
    }
}

/// Creates an example without a target.
pub(crate) fn unlabeled(task: TaskIndex, input_ids: Vec<u32>) -> TokenizedExample {
    TokenizedExample {
        task: task.position(),
        input_ids,
        target_ids: Vec::new(),
        label: None,
        gold: None,
    }
}

/// Reports text outside the vocabulary of the tokenizer.
pub(crate) fn note_unknown_tokens(counts: UnknownTokens) {
    if counts.any() {
        message(&format!("note: {counts}"));
    }
}

/// Reports that prompts were trained with another format of weights than the model's.
fn report_format(trained: WeightFormat, loaded: WeightFormat) {
    if trained != loaded {
        message(&format!(
            "note: the prompts were trained with {trained} weights, but the model has {loaded} \
             weights; pass `--weights {trained}` for those of training"
        ));
    }
}

use std::fmt::Write;
use std::path::Path;

use mtpt::compose::ParameterCount;
use mtpt::infer::{PromptFile, PromptHeader};
use mtpt::io::fs::read;
use mtpt::io::layout::unravel_index;
use serde::Serialize;
use serde_json::Value;

use crate::commands::inspect::description::Description;
use crate::commands::inspect::tensors::{NotFinite, TensorSummary, list, list_not_finite, total};
use crate::error::Result;
use crate::model::open_device;
use crate::number_format::{counted, thousands};
use crate::prompts::PromptSource;

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    #[serde(flatten)]
    header: &'a PromptHeader,
    /// Type of a PEFT adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    peft_type: Option<&'a str>,
    parameters: usize,
    /// Number of shared parameters; unknown for strategies of other programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_parameters: Option<usize>,
    /// Number of task-specific parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_parameters: Option<usize>,
    tensors: &'a [TensorSummary],
    not_finite: &'a [NotFinite],
}

/// Maximum number of non-finite values to list.
const MAX_NOT_FINITE: usize = 10;

/// Describes a prompt file, even if it can't be used.
pub(crate) fn describe_file(path: &Path) -> Result<Description> {
    let file = PromptFile::read(path)?;
    describe(path, "prompts", PromptHeader::from_file(&file, path)?, &file, None)
}

/// Describes NumPy arrays: a file with the prompt of one task, or a folder with a shared prompt and
/// the parts of all tasks. Also describes the prompts of a T5X checkpoint.
pub(crate) fn describe_arrays(path: &Path) -> Result<Description> {
    describe_converted(path, "arrays", None)
}

/// Describes a PEFT adapter.
pub(crate) fn describe_adapter(folder: &Path) -> Result<Description> {
    let path = folder.join("adapter_config.json");
    let text = read(&path)?;
    // The reader of adapters has better messages for a malformed file.
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    describe_converted(folder, "adapter", Some(&config))
}

/// Describes prompts that are converted while they are read.
fn describe_converted(
    path: &Path,
    kind: &'static str,
    adapter: Option<&Value>,
) -> Result<Description> {
    let source = PromptSource { path, no_decoder_prompt: false };
    let prompts = source.read(&open_device("auto")?)?;
    let file = PromptFile::from_module(prompts.composition(), String::new());
    describe(path, kind, prompts.header().clone(), &file, adapter)
}

fn describe(
    path: &Path,
    kind: &'static str,
    mut header: PromptHeader,
    file: &PromptFile,
    adapter: Option<&Value>,
) -> Result<Description> {
    let adapter_field =
        |key: &str| adapter.and_then(|config| config.get(key)).and_then(Value::as_str);
    if header.model.is_empty() {
        header.model = adapter_field("base_model_name_or_path").unwrap_or_default().to_owned();
    }
    let (tensors, not_finite) = summarize_tensors(file);
    let peft_type = adapter_field("peft_type");
    let mut text = format!(
        "{}: {} for {}\n",
        path.display(),
        peft_type.map_or("prompts".to_owned(), |kind| format!("PEFT adapter (`{kind}`)")),
        counted(header.tasks.len(), "task")
    );
    let parameters = total(&tensors);
    // A header that doesn't fit the tensors has another count.
    let count = header.parameter_count().ok().filter(|count| count.total() == parameters);
    write_header(&mut text, &header, parameters, count);
    text.push_str("tensors\n");
    list(&mut text, &tensors);
    list_not_finite(&mut text, &not_finite);
    let json = Json {
        kind,
        header: &header,
        peft_type,
        parameters,
        shared_parameters: count.map(|count| count.shared),
        task_parameters: count.map(|count| count.task_specific),
        tensors: &tensors,
        not_finite: &not_finite,
    };
    Description::new(path, &json, text)
}

/// Returns a summary of each tensor, and the first non-finite values.
fn summarize_tensors(file: &PromptFile) -> (Vec<TensorSummary>, Vec<NotFinite>) {
    let mut tensors = Vec::new();
    let mut not_finite = Vec::new();
    for (name, data) in file.tensors() {
        let shape = data.shape().to_vec();
        let parameters = data.num_elements();
        for (at, value) in data.iter::<f32>().enumerate() {
            if !value.is_finite() && not_finite.len() < MAX_NOT_FINITE {
                let (tensor, index) = (name.clone(), unravel_index(at, &shape));
                not_finite.push(NotFinite { tensor, index, value: value.to_string() });
            }
        }
        tensors.push(TensorSummary { name: name.clone(), dtype: "F32".into(), shape, parameters });
    }
    (tensors, not_finite)
}

fn write_header(
    text: &mut String,
    header: &PromptHeader,
    parameters: usize,
    count: Option<ParameterCount>,
) {
    let composition = serde_json::to_string(&header.composition).unwrap_or_default();
    let _ = writeln!(text, "composition  {composition}");
    let length = counted(header.length, "vector");
    let decoder = match header.decoder_length {
        0 => String::new(),
        decoder_length => format!(" and {} for the decoder,", counted(decoder_length, "vector")),
    };
    let _ = writeln!(text, "prompt       {length}{decoder} of width {}", header.d_model);
    let or_unknown = |known: bool, text: String| if known { text } else { "unknown".to_owned() };
    let model = or_unknown(!header.model.is_empty(), header.model.clone());
    let _ = writeln!(text, "model        {model}");
    let steps = or_unknown(header.steps > 0, thousands(header.steps));
    let _ = writeln!(text, "steps        {steps}");
    for (name, limit) in
        [("inputs", header.max_input_length), ("targets", header.max_target_length)]
    {
        let tokens = format!("at most {} tokens", thousands(limit));
        let _ = writeln!(text, "{name:12} {}", or_unknown(limit > 0, tokens));
    }
    let _ = write!(text, "parameters   {}", thousands(parameters));
    if let Some(count) = count {
        let (shared, own) = (thousands(count.shared), thousands(count.task_specific));
        let _ = write!(text, " ({shared} shared, {own} task-specific)");
    }
    text.push_str("\ntasks\n");
    for task in &header.tasks {
        let _ = write!(text, "  {}", task.name);
        if let Some(template) = &task.template {
            let _ = write!(text, "  template {template:?}");
        }
        if let Some(labels) = &task.labels {
            let _ = write!(text, "  labels {}", serde_json::to_string(labels).unwrap_or_default());
        }
        text.push('\n');
    }
}

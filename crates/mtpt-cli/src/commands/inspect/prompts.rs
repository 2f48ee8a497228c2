use std::fmt::Write;
use std::fs;
use std::path::Path;

use mtpt::infer::PromptFile;
use mtpt::infer::{PromptHeader, Prompts};
use mtpt::io::layout::unravel_index;
use serde::Serialize;
use serde_json::Value;

use super::tensors::{TensorSummary, list};
use super::{Report, counted, thousands};
use crate::device;
use crate::error::{Error, Result};

/// A value that no prompt should have.
#[derive(Serialize)]
struct NotFinite {
    tensor: String,
    /// Its indices in the tensor, counted from 0.
    place: Vec<usize>,
    value: String,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    #[serde(flatten)]
    header: &'a PromptHeader,
    /// Type of the adapter and the model that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    peft_type: Option<&'a str>,
    parameters: usize,
    /// Numbers that several tasks share, and tasks' own; not known of a strategy that another program made.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_parameters: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_parameters: Option<usize>,
    tensors: &'a [TensorSummary],
    not_finite: &'a [NotFinite],
}

/// Most values that are not finite to be named.
const NAMED: usize = 10;

/// A prompt file, also one that nothing else would take: what it holds is told.
pub(super) fn file(path: &Path) -> Result<Report> {
    let file = PromptFile::read(path)?;
    report(path, "prompts", PromptHeader::of_file(&file, path)?, &file, None)
}

/// Arrays of numpy: the prompt of one task in a file, or a shared prompt and the parts of all tasks in a folder.
pub(super) fn arrays(path: &Path) -> Result<Report> {
    composed(path, "arrays", None)
}

pub(super) fn adapter(folder: &Path) -> Result<Report> {
    let path = folder.join("adapter_config.json");
    let text = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let config: Value = serde_json::from_slice(&text)
        .map_err(|error| Error::Inspected { path, problem: error.to_string() })?;
    composed(folder, "adapter", Some(&config))
}

fn composed(path: &Path, kind: &'static str, adapter: Option<&Value>) -> Result<Report> {
    let prompts = Prompts::read(path, &device::open("auto")?)?;
    let file = PromptFile::from_module(prompts.composition(), String::new());
    report(path, kind, prompts.header().clone(), &file, adapter)
}

fn report(
    path: &Path,
    kind: &'static str,
    mut header: PromptHeader,
    file: &PromptFile,
    adapter: Option<&Value>,
) -> Result<Report> {
    let said = |key: &str| adapter.and_then(|config| config.get(key)).and_then(Value::as_str);
    if header.model.is_empty() {
        header.model = said("base_model_name_or_path").unwrap_or_default().to_owned();
    }
    let mut tensors = Vec::new();
    let mut not_finite = Vec::new();
    for (name, data) in file.tensors() {
        let shape = data.shape().to_vec();
        let parameters = shape.iter().product();
        for (at, value) in data.iter::<f32>().enumerate() {
            if !value.is_finite() && not_finite.len() < NAMED {
                let (tensor, place) = (name.clone(), unravel_index(at, &shape));
                not_finite.push(NotFinite { tensor, place, value: value.to_string() });
            }
        }
        tensors.push(TensorSummary { name: name.clone(), dtype: "F32".into(), shape, parameters });
    }
    let parameters = tensors.iter().map(|tensor| tensor.parameters).sum();
    let count = header.parameter_count().ok();
    let mut text = String::new();
    let what = match said("peft_type") {
        Some(kind) => format!("an adapter of PEFT, `{kind}`,"),
        None => "prompts".to_owned(),
    };
    let tasks = header.tasks.len();
    let _ = writeln!(text, "{}: {what} for {}", path.display(), counted(tasks, "task"));
    let composition = serde_json::to_string(&header.composition).unwrap_or_default();
    let _ = writeln!(text, "composition  {composition}");
    let _ = writeln!(
        text,
        "prompt       {} of width {}",
        counted(header.length, "vector"),
        header.d_model
    );
    let known = |known: bool, text: String| if known { text } else { "not known".to_owned() };
    let _ =
        writeln!(text, "model        {}", known(!header.model.is_empty(), header.model.clone()));
    let _ = writeln!(text, "steps        {}", known(header.steps > 0, thousands(header.steps)));
    for (what, longest) in
        [("inputs", header.max_input_length), ("targets", header.max_target_length)]
    {
        let tokens = format!("at most {} tokens", thousands(longest));
        let _ = writeln!(text, "{what:12} {}", known(longest > 0, tokens));
    }
    let _ = write!(text, "parameters   {}", thousands(parameters));
    if let Some(count) = count {
        let (shared, own) = (thousands(count.shared), thousands(count.own));
        let _ = write!(text, ": {shared} shared, {own} of tasks");
    }
    text.push('\n');
    text.push_str("tasks\n");
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
    text.push_str("tensors\n");
    list(&mut text, &tensors);
    for NotFinite { tensor, place, value } in &not_finite {
        let _ = writeln!(text, "NOT FINITE   {tensor} {place:?} is {value}");
    }
    let json = Json {
        kind,
        header: &header,
        peft_type: said("peft_type"),
        parameters,
        shared_parameters: count.map(|count| count.shared),
        task_parameters: count.map(|count| count.own),
        tensors: &tensors,
        not_finite: &not_finite,
    };
    Report::new(path, &json, text)
}

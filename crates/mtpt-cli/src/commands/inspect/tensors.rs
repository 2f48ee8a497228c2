use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::inspect::description::Description;
use crate::error::{Error, Result};
use crate::number_format::{counted, thousands};

/// The key of the metadata that makes a safetensors file a prompt file.
const PROMPTS: &str = "mtpt";
/// Longest header that is read, in bytes, as safetensors itself has it.
const LONGEST: u64 = 100_000_000;

/// What the header of a safetensors file says; the values are not read.
pub(super) struct TensorFile {
    metadata: BTreeMap<String, String>,
    tensors: Vec<TensorSummary>,
}

#[derive(Serialize)]
pub(super) struct TensorSummary {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) parameters: usize,
}

/// An entry of a header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    metadata: &'a BTreeMap<String, String>,
    parameters: usize,
    tensors: &'a [TensorSummary],
}

pub(super) fn read(path: &Path) -> Result<TensorFile> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let refused = |problem: String| Error::File { path: path.to_owned(), problem };
    let mut file = File::open(path).map_err(failed)?;
    let mut length = [0; 8];
    let whole = file.metadata().map_err(failed)?.len();
    if whole < 8 {
        return Err(refused("expected a safetensors file, found one of less than 8 bytes".into()));
    }
    file.read_exact(&mut length).map_err(failed)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST || length > whole - 8 {
        return Err(refused(format!(
            "expected a safetensors file, found one whose header would have {length} bytes"
        )));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(failed)?;
    let malformed = |error: serde_json::Error| {
        refused(format!("the header of the safetensors file is not understood: {error}"))
    };
    let header: BTreeMap<String, Value> = serde_json::from_slice(&header).map_err(malformed)?;
    let mut found = TensorFile { metadata: BTreeMap::new(), tensors: Vec::new() };
    for (name, value) in header {
        if name == "__metadata__" {
            found.metadata = serde_json::from_value(value).map_err(malformed)?;
            continue;
        }
        let Entry { dtype, shape } = serde_json::from_value(value).map_err(malformed)?;
        let parameters = shape.iter().product();
        found.tensors.push(TensorSummary { name, dtype, shape, parameters });
    }
    Ok(found)
}

impl TensorFile {
    pub(super) fn is_prompt_file(&self) -> bool {
        self.metadata.contains_key(PROMPTS)
    }

    pub(super) fn report(&self, path: &Path) -> Result<Description> {
        let parameters = self.tensors.iter().map(|tensor| tensor.parameters).sum();
        let mut text = format!(
            "{}: a safetensors file of {}, {}\n",
            path.display(),
            counted(self.tensors.len(), "tensor"),
            counted(parameters, "number")
        );
        for (key, value) in &self.metadata {
            let _ = writeln!(text, "metadata {key}: {value}");
        }
        list(&mut text, &self.tensors);
        let (metadata, tensors) = (&self.metadata, self.tensors.as_slice());
        Description::new(path, &Json { kind: "tensors", metadata, parameters, tensors }, text)
    }
}

/// A line for each tensor.
pub(super) fn list(text: &mut String, tensors: &[TensorSummary]) {
    let width = tensors.iter().map(|tensor| tensor.name.len()).max().unwrap_or(0);
    for TensorSummary { name, dtype, shape, parameters } in tensors {
        let _ = writeln!(text, "  {name:width$}  {dtype} {shape:?}  {}", thousands(*parameters));
    }
}

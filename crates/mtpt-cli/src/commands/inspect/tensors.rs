use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use mtpt::io::layout::element_count;
use mtpt::io::{SafetensorsFile, TensorError, TensorSource};
use serde::Serialize;

use crate::commands::inspect::description::Description;
use crate::error::Result;
use crate::number_format::{counted, thousands};
use crate::text_table::{common_width, padded, shortened};

/// The key of the metadata that makes a safetensors file a prompt file.
const PROMPTS: &str = "mtpt";

/// The tensors of a safetensors or PyTorch file.
pub(super) struct TensorFile {
    format: &'static str,
    metadata: BTreeMap<String, String>,
    tensors: Vec<TensorSummary>,
    not_finite: Vec<NotFinite>,
}

/// A NaN or infinite value.
#[derive(Serialize)]
pub(super) struct NotFinite {
    pub(super) tensor: String,
    /// Index in the tensor, starting at 0.
    #[serde(rename = "place")]
    pub(super) index: Vec<usize>,
    pub(super) value: String,
}

#[derive(Serialize)]
pub(super) struct TensorSummary {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) parameters: usize,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    metadata: &'a BTreeMap<String, String>,
    parameters: usize,
    tensors: &'a [TensorSummary],
    not_finite: &'a [NotFinite],
}

/// Returns whether a file contains prompts, by its header, which is empty in a checkpoint.
pub(super) fn is_prompt_file(file: &SafetensorsFile) -> bool {
    file.metadata().get(PROMPTS).is_some_and(|header| !header.is_empty())
}

/// Summarizes the header of a file, and checks the values of tensors of floats.
pub(super) fn of_safetensors(file: &SafetensorsFile) -> Result<TensorFile> {
    let metadata = file.metadata().clone();
    Ok(TensorFile { metadata, ..TensorFile::of(file, "safetensors")? })
}

/// Reads the structure of a PyTorch file, and checks the values of tensors of floats.
pub(super) fn read_pytorch(path: &Path) -> Result<TensorFile> {
    TensorFile::of(&*mtpt::io::open(path)?, "PyTorch")
}

impl TensorFile {
    fn of(source: &dyn TensorSource, format: &'static str) -> Result<Self> {
        let mut not_finite = Vec::new();
        for name in source.names() {
            let (index, value) = match source.read(name) {
                // Elements that are not floats are always finite.
                Ok(_) | Err(TensorError::Dtype { .. }) => continue,
                Err(TensorError::NotFinite { index, value, .. }) => (index, value.to_string()),
                Err(TensorError::TooLarge { index, .. }) => (index, "too large for f32".to_owned()),
                Err(error) => return Err(error.into()),
            };
            not_finite.push(NotFinite { tensor: name.to_owned(), index, value });
        }
        let tensors = source.names().map(|name| TensorSummary::of(source, name)).collect();
        Ok(Self { format, metadata: BTreeMap::new(), tensors, not_finite })
    }
}

impl TensorSummary {
    fn of(source: &dyn TensorSource, name: &str) -> Self {
        let shape = source.shape(name).unwrap_or_default().to_vec();
        let parameters = element_count(&shape).unwrap_or(usize::MAX);
        let dtype = source.dtype(name).unwrap_or_default();
        Self { name: name.to_owned(), dtype, shape, parameters }
    }
}

impl TensorFile {
    pub(super) fn report(&self, path: &Path) -> Result<Description> {
        let parameters = total(&self.tensors);
        let mut text = format!(
            "{}: a {} file of {}, {}\n",
            path.display(),
            self.format,
            counted(self.tensors.len(), "tensor"),
            counted(parameters, "parameter")
        );
        for (key, value) in &self.metadata {
            let _ = writeln!(text, "metadata {key}: {value}");
        }
        list(&mut text, &self.tensors);
        list_not_finite(&mut text, &self.not_finite);
        let (metadata, tensors) = (&self.metadata, self.tensors.as_slice());
        let not_finite = self.not_finite.as_slice();
        let json = Json { kind: "tensors", metadata, parameters, tensors, not_finite };
        Description::new(path, &json, text)
    }
}

/// Returns the number of parameters of all tensors. The shapes of a file may claim any number.
pub(super) fn total(tensors: &[TensorSummary]) -> usize {
    tensors.iter().map(|tensor| tensor.parameters).fold(0, usize::saturating_add)
}

/// A line for each tensor.
pub(super) fn list(text: &mut String, tensors: &[TensorSummary]) {
    let width = common_width(tensors.iter().map(|tensor| tensor.name.as_str()));
    for TensorSummary { name, dtype, shape, parameters } in tensors {
        let (name, parameters) = (padded(name, width), thousands(*parameters));
        let _ = writeln!(text, "  {name}  {dtype} {shape:?}  {parameters}");
    }
}

/// A line for each value that is not finite.
pub(super) fn list_not_finite(text: &mut String, found: &[NotFinite]) {
    for NotFinite { tensor, index, value } in found {
        let _ = writeln!(text, "NOT FINITE   {} {index:?} is {value}", shortened(tensor));
    }
}

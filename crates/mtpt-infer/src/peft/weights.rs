use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use mtpt_io::layout::first_non_finite;
use pytorch_reader::{PickleValue, PytorchError, PytorchReader};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::error::{Error, Result};
use crate::layout::floats;

const SAFETENSORS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";

/// The tensors of an adapter, each to be taken once.
pub(crate) struct AdapterWeights {
    path: PathBuf,
    tensors: BTreeMap<String, TensorData>,
}

impl AdapterWeights {
    /// Reads the tensors of a folder: of `adapter_model.safetensors`, or else of `adapter_model.bin`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let [path, pickle] = [SAFETENSORS, PICKLE].map(|name| folder.join(name));
        if !path.is_file() && pickle.is_file() {
            let tensors = read_pickle(&pickle)?;
            return Ok(Self { path: pickle, tensors });
        }
        let bytes = fs::read(&path).map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let tensors = read_safetensors(&bytes, &path)?;
        Ok(Self { path, tensors })
    }

    /// The tensors that were not taken.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Takes a tensor, whose shape is checked, and whose numbers are finite.
    pub(crate) fn take(&mut self, name: &str, expected: &[usize]) -> Result<TensorData> {
        let refused = |message: String| Error::Adapter { path: self.path.clone(), message };
        let Some(data) = self.tensors.remove(name) else {
            let found: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
            let message = format!("tensor `{name}` is missing; there are: {}", found.join(", "));
            return Err(Error::Adapter { path: self.path.clone(), message });
        };
        let found = data.shape();
        if found.as_slice() != expected {
            return Err(refused(format!(
                "tensor `{name}`: expected shape {expected:?}, found {:?}",
                found.as_slice()
            )));
        }
        match first_non_finite(&data) {
            Some((place, value)) => {
                Err(refused(format!("tensor `{name}`: the number at {place:?} is {value}")))
            }
            None => Ok(data),
        }
    }

    /// Checks that nothing is left that would be lost.
    pub(crate) fn finish(self) -> Result<()> {
        if self.tensors.is_empty() {
            return Ok(());
        }
        let left: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "no parameter of a prompt: {}; only adapters that are prompts alone can be used",
            left.join(", ")
        );
        Err(Error::Adapter { path: self.path, message })
    }

    /// The file and its bytes for given tensors.
    pub(crate) fn file(
        folder: &Path,
        tensors: &[(&str, TensorData)],
    ) -> Result<(PathBuf, Vec<u8>)> {
        let path = folder.join(SAFETENSORS);
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, data)| floats(data).iter().flat_map(|value| value.to_le_bytes()).collect())
            .collect();
        let views = tensors
            .iter()
            .zip(&bytes)
            .map(|((name, data), bytes)| {
                let shape = data.shape().to_vec();
                Ok((*name, TensorView::new(safetensors::Dtype::F32, shape, bytes)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        // PEFT writes this too: loaders of transformers ask for it.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|error| Error::Adapter { path: path.clone(), message: error.to_string() })?;
        Ok((path, bytes))
    }
}

fn read_safetensors(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, TensorData>> {
    let refused = |message: String| Error::Adapter { path: path.to_owned(), message };
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| refused(format!("not a whole safetensors file: {error}")))?;
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            use safetensors::Dtype;
            let kind = match view.dtype() {
                Dtype::F64 => DType::F64,
                Dtype::F32 => DType::F32,
                Dtype::F16 => DType::F16,
                Dtype::BF16 => DType::BF16,
                other => return Err(refused(not_floats(&name, &format!("{other:?}")))),
            };
            let mut bytes = view.data().to_vec();
            // The file's numbers are little-endian, the machine's are what it has.
            if cfg!(target_endian = "big") {
                bytes.chunks_exact_mut(kind.size()).for_each(<[u8]>::reverse);
            }
            let data = TensorData::from_bytes_vec(bytes, view.shape().to_vec(), kind);
            Ok((name, data.convert::<f32>()))
        })
        .collect()
}

fn read_pickle(path: &Path) -> Result<BTreeMap<String, TensorData>> {
    let refused = |message: String| Error::Adapter { path: path.to_owned(), message };
    let failed = |error: PytorchError| match error {
        PytorchError::Io(source) => Error::File { action: "read", path: path.to_owned(), source },
        other => refused(format!("not a whole file of tensors that PyTorch wrote: {other}")),
    };
    let reader = PytorchReader::new(path).map_err(failed)?;
    let values = PytorchReader::read_pickle_data(path, None).map_err(failed)?;
    let PickleValue::Dict(values) = values else {
        return Err(refused("expected a dictionary of tensors, found another object".into()));
    };
    let mut others: Vec<String> = values
        .into_keys()
        .filter(|key| reader.get(key).is_none())
        .map(|key| format!("`{key}`"))
        .collect();
    others.sort();
    if !others.is_empty() {
        return Err(refused(format!(
            "expected a dictionary of tensors; no tensors: {}",
            others.join(", ")
        )));
    }
    reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            use pytorch_reader::DType as Stored;
            let kind = match tensor.dtype() {
                Stored::F64 => DType::F64,
                Stored::F32 => DType::F32,
                Stored::F16 => DType::F16,
                Stored::BF16 => DType::BF16,
                other => return Err(refused(not_floats(&name, &format!("{other:?}")))),
            };
            let bytes = tensor.read().map_err(|source| Error::File {
                action: "read",
                path: path.to_owned(),
                source,
            })?;
            let data = TensorData::from_bytes_vec(bytes, tensor.shape().to_vec(), kind);
            Ok((name, data.convert::<f32>()))
        })
        .collect()
}

fn not_floats(tensor: &str, found: &str) -> String {
    format!(
        "tensor `{tensor}`: expected elements of type `F32`, `F64`, `F16` or `BF16`, found `{found}`"
    )
}

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::parameter_names::ParameterPath;
use crate::{Error, Result, first_not_finite, write_whole_file};

/// The key of the safetensors metadata under which a prompt file keeps its header.
const HEADER: &str = "mtpt";

/// The tensors of a prompt file and the header that says what they are.
///
/// A prompt file is a safetensors file with 32-bit floats under the paths of the parameters (`shared`,
/// `tasks.0.left`, ...) and one entry of metadata, `mtpt`, whose meaning is its writer's. The same content makes the same
/// bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptFile {
    path: PathBuf,
    header: String,
    tensors: BTreeMap<String, TensorData>,
}

impl PromptFile {
    /// The parameters of a module, under a header.
    pub fn from_module<M: Module>(module: &M, header: String) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        Self { path: PathBuf::new(), header, tensors: collector.tensors }
    }

    /// These tensors, under a header.
    pub fn from_tensors(tensors: BTreeMap<String, TensorData>, header: String) -> Self {
        Self { path: PathBuf::new(), header, tensors }
    }

    /// Reads a prompt file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not a whole safetensors file, is not a prompt file or holds other elements than
    /// 32-bit floats.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| Error::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let malformed = |source| Error::Format { path: path.to_owned(), source };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
        let header = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(HEADER))
            .ok_or_else(|| Error::NotAPromptFile { path: path.to_owned(), expected: HEADER })?
            .clone();
        let mut tensors = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(malformed)?.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(Error::ElementType {
                    path: path.to_owned(),
                    tensor: name,
                    found: format!("{:?}", view.dtype()),
                });
            }
            let values: Vec<f32> = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect();
            tensors.insert(name, TensorData::new(values, view.shape().to_vec()));
        }
        Ok(Self { path: path.to_owned(), header, tensors })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole_file(path, &self.to_bytes(path)?)
    }

    /// The bytes of the file; the path is for messages.
    ///
    /// # Errors
    ///
    /// [`Error::Format`], when the format has no room for the tensors.
    ///
    /// # Panics
    ///
    /// When the elements of a given tensor are no 32-bit floats.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let bytes: Vec<(&String, Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, data)| {
                let values = data.as_slice::<f32>().expect("invariant: collected as f32");
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (name, data.shape().to_vec(), bytes)
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| {
                TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>();
        let metadata = HashMap::from([(HEADER.to_owned(), self.header.clone())]);
        views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|source| Error::Format { path: path.to_owned(), source })
    }

    /// Refuses numbers that are infinite or not numbers, which no prompt has a use for.
    ///
    /// # Errors
    ///
    /// [`Error::TensorNotFinite`] for the first of them.
    pub fn check_finite(&self) -> Result<()> {
        for (tensor, data) in &self.tensors {
            if let Some((place, value)) = first_not_finite(data) {
                let (path, tensor) = (self.path.clone(), tensor.clone());
                return Err(Error::TensorNotFinite { path, tensor, place, value });
            }
        }
        Ok(())
    }

    /// What the writer said about the tensors.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The tensors by the path of their parameter.
    pub fn tensors(&self) -> &BTreeMap<String, TensorData> {
        &self.tensors
    }

    /// Puts the tensors into a module of the same structure, bit for bit.
    ///
    /// # Errors
    ///
    /// When a parameter has no tensor, a tensor no parameter, or the shapes differ.
    pub fn apply<M: Module>(&self, module: M) -> Result<M> {
        let mut applier = Applier {
            path: ParameterPath::default(),
            remaining: self.tensors.clone(),
            file: self,
            failure: None,
        };
        let module = module.map(&mut applier);
        if let Some(failure) = applier.failure {
            return Err(failure);
        }
        match applier.remaining.into_keys().next() {
            Some(tensor) => Err(Error::UnusedTensor { path: self.path.clone(), tensor }),
            None => Ok(module),
        }
    }
}

#[derive(Default)]
struct Collector {
    path: ParameterPath,
    tensors: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().inner().into_data().convert::<f32>();
        self.tensors.insert(self.path.name(), data);
    }
}

struct Applier<'a> {
    path: ParameterPath,
    remaining: BTreeMap<String, TensorData>,
    file: &'a PromptFile,
    failure: Option<Error>,
}

impl ModuleMapper for Applier<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failure.is_some() {
            return param;
        }
        let tensor = self.path.name();
        let path = self.file.path.clone();
        let Some(data) = self.remaining.remove(&tensor) else {
            let found = self.file.tensors.keys().map(|name| format!("`{name}`"));
            let found = found.collect::<Vec<_>>().join(", ");
            self.failure = Some(Error::MissingTensor { path, tensor, found });
            return param;
        };
        let expected = param.lazy_shape().to_vec();
        let found = data.shape().to_vec();
        if expected != found {
            self.failure = Some(Error::TensorShape { path, tensor, expected, found });
            return param;
        }
        param.map(|value| {
            let loaded = Tensor::from_data(data, &value.device());
            loaded.set_require_grad(value.is_require_grad())
        })
    }
}

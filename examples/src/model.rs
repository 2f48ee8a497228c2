//! The frozen model that the examples run on.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use mtpt::ModelTokenizer;
use mtpt::burn::module::{Module, ModuleVisitor, Param};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::core::Frozen;
use mtpt::t5::{T5, locate};

use crate::Result;

/// A frozen T5 and its tokenizer.
pub struct Model {
    /// Folder of the model.
    pub folder: PathBuf,
    /// The model.
    pub t5: Frozen<T5>,
    /// The tokenizer.
    pub tokenizer: ModelTokenizer,
}

impl Model {
    /// Loads the model of a folder, or the small one in this repository.
    ///
    /// # Errors
    ///
    /// When the folder doesn't contain a valid T5.
    pub fn load(folder: Option<&Path>, device: &Device) -> Result<Self> {
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mtpt-nano");
        let folder = folder.unwrap_or(&bundled);
        if folder.is_file() {
            let folder = folder.display();
            return Err(format!(
                "`{folder}` is a file: give `--model` the folder that has `config.json`, `tokenizer.json` and the weights"
            )
            .into());
        }
        let folder = locate(folder)?;
        let t5 = T5::load(&folder, device)?;
        let tokenizer = ModelTokenizer::load(&folder, t5.config())?;
        Ok(Self { folder, t5: Frozen::new(t5), tokenizer })
    }

    /// Returns a hash of all bits of all weights.
    pub fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint(DefaultHasher::new());
        self.t5.get().visit(&mut fingerprint);
        fingerprint.0.finish()
    }
}

struct Fingerprint(DefaultHasher);

impl ModuleVisitor for Fingerprint {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().inner().into_data();
        data.iter::<f32>().for_each(|value| self.0.write_u32(value.to_bits()));
    }
}

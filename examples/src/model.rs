//! The frozen model that the examples run on.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use mtpt::burn::module::{Module, ModuleVisitor, Param};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::core::Frozen;
use mtpt::t5::{T5, T5Tokenizer, locate};

use crate::Result;

/// A frozen T5 and its tokenizer.
pub struct Model {
    /// The folder that it was read from.
    pub folder: PathBuf,
    /// The weights.
    pub t5: Frozen<T5>,
    /// Text to tokens.
    pub tokenizer: T5Tokenizer,
}

impl Model {
    /// Reads a model: that of a folder, or the small one that the repository holds.
    ///
    /// # Errors
    ///
    /// When the folder has no T5 that can be read.
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
        let tokenizer = T5Tokenizer::load(&folder, t5.config())?;
        Ok(Self { folder, t5: Frozen::new(t5), tokenizer })
    }

    /// A number that every bit of every weight takes part in: equal before and after, nothing has moved.
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

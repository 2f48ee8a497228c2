//! Inputs with faults, and the folder that they are stored in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::fault::Fault;
use crate::input::Input;
use crate::minimize::minimize;
use crate::supervise::Found;
use crate::targets::Target;

/// Inputs of one fault of one target.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub(crate) fault: Fault,
    message: String,
    /// Number of times that it was found.
    pub(crate) count: usize,
    /// Folder of the smallest input.
    input: PathBuf,
}

/// Findings of a target.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: BTreeMap<Fault, Finding>,
}

impl Findings {
    /// Adds a fault with its input, which is copied to `folder`.
    pub(crate) fn add(&mut self, folder: &Path, found: Found) -> io::Result<()> {
        let Found { fault, message, input } = found;
        let next = self.found.len();
        let input = Input::read(&input)?;
        if let Some(known) = self.found.get_mut(&fault) {
            known.count += 1;
            if input.size() < Input::read(&known.input)?.size() {
                fs::remove_dir_all(&known.input)?;
                input.write(&known.input)?;
            }
        } else {
            let path = folder.join(format!("{next}"));
            if path.exists() {
                fs::remove_dir_all(&path)?;
            }
            input.write(&path)?;
            self.found.insert(fault.clone(), Finding { fault, message, count: 1, input: path });
        }
        Ok(())
    }

    /// Makes each input smaller as long as it has the same fault, and drops faults that don't occur
    /// again.
    pub(crate) fn confirm(self, target: &Target, folder: &Path) -> io::Result<Vec<Finding>> {
        let mut confirmed = Vec::new();
        for finding in self.found.into_values() {
            if minimize(target, &finding.fault, &finding.input, folder)? {
                confirmed.push(finding);
            }
        }
        Ok(confirmed)
    }
}

impl Finding {
    /// Returns a line about the fault and its input.
    pub fn line(&self, target: &str) -> String {
        let Self { fault, message, count, input } = self;
        format!("{target}: {fault} ({count} times): {message}\n    {}", input.display())
    }
}

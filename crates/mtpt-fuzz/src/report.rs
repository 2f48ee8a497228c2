use serde::{Deserialize, Serialize};

use crate::outcome::Depth;

/// A line that a worker prints for its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// Executions since the last report: their number per depth.
    Progress { depths: [u64; Depth::ALL.len()] },
    /// A panic. The folder has the files of the input.
    Panic { location: String, message: String, folder: String },
    /// The message of a single execution.
    Message { text: String },
}

use mtpt::burn::tensor::Device;

use crate::error::Result;
use crate::progress::say;

/// The device of a name; where `auto` passed over a quicker one that does not answer, this is said.
pub(crate) fn open(name: &str) -> Result<Device> {
    let chosen = mtpt::choose_device(name)?;
    for error in &chosen.passed_over {
        say(&format!("note: {error}"));
    }
    if !chosen.passed_over.is_empty() {
        say(&format!("note: going on with `{}`", chosen.name));
    }
    Ok(chosen.device)
}

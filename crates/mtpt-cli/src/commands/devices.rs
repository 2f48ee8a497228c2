use mtpt::DeviceError;
use serde::Serialize;

use crate::error::Result;
use crate::stdio::Output;

#[derive(Serialize)]
struct Row {
    device: &'static str,
    state: &'static str,
    /// Whether `--device auto` selects this device.
    auto: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

pub(crate) fn run() -> Result<()> {
    let mut output = Output::new();
    let mut auto = true;
    for (device, found) in mtpt::devices() {
        let (state, help) = match found {
            Ok(_) => ("ready", None),
            Err(DeviceError::NotBuiltIn { name }) => {
                ("not built in", Some(format!("build with `--features {name}`")))
            }
            Err(error) => ("does not answer", Some(error.to_string())),
        };
        let ready = state == "ready";
        output.row(&Row { device, state, auto: ready && auto, help })?;
        auto &= !ready;
    }
    output.flush()
}

use std::io::IsTerminal;

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

/// Lists the devices: a table on a terminal, otherwise JSON Lines.
pub(crate) fn run() -> Result<()> {
    let rows = rows();
    let mut output = Output::new();
    if std::io::stdout().is_terminal() {
        output.text(&table(&rows))?;
    } else {
        rows.iter().try_for_each(|row| output.row(row))?;
    }
    output.flush()
}

fn rows() -> Vec<Row> {
    let mut auto = true;
    let row = |(device, found)| {
        let (state, help) = match found {
            Ok(_) => ("ready", None),
            Err(DeviceError::NotBuiltIn { name }) => {
                ("not built in", Some(format!("build with `--features {name}`")))
            }
            Err(error) => ("does not answer", Some(error.to_string())),
        };
        let ready = state == "ready";
        let row = Row { device, state, auto: ready && auto, help };
        auto &= !ready;
        row
    };
    mtpt::devices().into_iter().map(row).collect()
}

fn table(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let note = match &row.help {
            Some(help) => help.as_str(),
            None if row.auto => "selected by `--device auto`",
            None => "",
        };
        format!("{:8}{:17}{note}", row.device, row.state).trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_marks_the_device_that_auto_selects() {
        let row = |device, state, auto, help: Option<&str>| Row {
            device,
            state,
            auto,
            help: help.map(str::to_owned),
        };
        let rows = [
            row("cuda", "not built in", false, Some("build with `--features cuda`")),
            row("wgpu", "ready", true, None),
            row("flex", "ready", false, None),
        ];
        let expected = "cuda    not built in     build with `--features cuda`\n\
                        wgpu    ready            selected by `--device auto`\n\
                        flex    ready\n";
        assert_eq!(table(&rows), expected);
    }
}

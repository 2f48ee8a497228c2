use std::fs;
use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Device;
use mtpt::io::fs::write_atomic;
use serde::Serialize;

use crate::args::inspection::Report;
use crate::error::{Error, Result};
use crate::model::{Model, open_device};
use crate::model_search::model_of_run;
use crate::report::data::report_data::ReportData;
use crate::report::page::GENERATOR;
use crate::report::render;
use crate::run_files::nested_runs::REPORT;
use crate::run_files::run_dir::RunDir;
use crate::stdio::Output;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary {
    report: PathBuf,
}

pub(crate) fn run(arguments: &Report) -> Result<()> {
    let device = open_device("auto")?;
    let run = RunDir::read(&arguments.run, &device)?;
    let path = arguments.output.clone().unwrap_or_else(|| arguments.run.join(REPORT));
    if !arguments.force && path.exists() && !is_report(&path) {
        return Err(Error::Exists { path });
    }
    let model = load_model(arguments, &run, &device)?;
    let html = render(&ReportData::new(&arguments.run, &run, model)?);
    write_atomic(&path, html.as_bytes())?;
    let mut output = Output::new();
    output.row(&Summary { report: path })?;
    output.flush()
}

/// Returns whether a file is a report, which may be overwritten because it contains only data of
/// the run.
fn is_report(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(GENERATOR))
}

/// Loads the requested model or that of the run, and returns it with its name; or the reason why
/// there is none.
fn load_model(
    arguments: &Report,
    run: &RunDir,
    device: &Device,
) -> Result<Result<(String, Model), String>> {
    let Some(prompts) = &run.prompts else {
        return Ok(Err(String::new()));
    };
    if let Some(path) = &arguments.model {
        let model = Model::load(path, device)?;
        prompts.check_fits(&model.t5)?;
        return Ok(Ok((path.display().to_string(), model)));
    }
    let configured = run.config.as_ref().map(|config| config.settings.model.as_str());
    let name = configured.filter(|name| !name.is_empty()).unwrap_or(&prompts.header().model);
    if name.is_empty() {
        return Ok(Err(
            "The run does not record the model of its prompts. Specify it with --model DIR.".into(),
        ));
    }
    let Some(folder) = model_of_run(&arguments.run, name) else {
        return Ok(Err(format!(
            "The model of the run, {name}, was not found. Specify its path with --model DIR."
        )));
    };
    // The folder may contain another model by now. The report can do without it.
    let loaded = Model::load(&folder, device).and_then(|model| {
        prompts.check_fits(&model.t5)?;
        Ok(model)
    });
    let reason = |error: Error| {
        format!(
            "The model at {name} cannot be used: {error}. Specify another one with --model DIR."
        )
    };
    Ok(loaded.map(|model| (name.to_owned(), model)).map_err(reason))
}

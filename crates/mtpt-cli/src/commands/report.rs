use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Device;
use mtpt::core::WeightFormat;
use mtpt::io::fs::read_to_string;
use serde::Serialize;

use crate::args::inspection::Report;
use crate::destination::write_output;
use crate::error::{Error, Result};
use crate::model::{Model, open_device};
use crate::model_search::model_of_run;
use crate::report::data::comparison::Comparison;
use crate::report::data::report_data::{ReportData, folder_name};
use crate::report::link::relative_link;
use crate::report::page::GENERATOR;
use crate::report::{render_comparison, render_run};
use crate::run_files::listed_run::ListedRun;
use crate::run_files::nested_runs::{NestedRuns, REPORT};
use crate::run_files::run_dir::RunDir;
use crate::stdio::Output;

/// File name of the comparison of several run folders.
const COMPARISON: &str = "comparison.html";

/// Summary on standard output.
#[derive(Serialize)]
struct Summary {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    report: PathBuf,
}

/// Writes reports, and keeps the model of the last one.
struct Writer<'a> {
    arguments: &'a Report,
    device: Device,
    model: Option<(PathBuf, Model)>,
}

pub(crate) fn run(arguments: &Report) -> Result<()> {
    let device = open_device("auto")?;
    let mut writer = Writer { arguments, device, model: None };
    let target = match arguments.runs.as_slice() {
        [run] => writer.write_folder(run)?,
        runs => writer.write_comparison_of(runs)?,
    };
    let mut output = Output::new();
    output.row(&Summary { report: target })?;
    output.flush()
}

impl Writer<'_> {
    /// Writes the report of a run, or the comparison of the runs in a folder, and returns its path.
    fn write_folder(&mut self, path: &Path) -> Result<PathBuf> {
        let run = RunDir::read(path, &self.device)?;
        let target = self.arguments.output.clone().unwrap_or_else(|| path.join(REPORT));
        self.check_target(&target)?;
        self.write_nested(&run.nested.runs);
        if run.is_folder_of_runs() {
            write_comparison(folder_name(path), &run.nested, &target)?;
        } else {
            self.write_run(path, &run, &target)?;
        }
        Ok(target)
    }

    /// Writes the comparison of run folders, and returns its path.
    fn write_comparison_of(&mut self, paths: &[PathBuf]) -> Result<PathBuf> {
        let target = self.arguments.output.clone().unwrap_or_else(|| COMPARISON.into());
        self.check_target(&target)?;
        let mut all = NestedRuns::default();
        for path in paths {
            let name = path.display().to_string();
            let run = RunDir::read(path, &self.device)?;
            match ListedRun::read(path, &name)? {
                Some(listed) => all.runs.push(listed),
                None if run.nested.runs.is_empty() => {
                    let problem = "expected a run with `config.toml`, found one without it, which \
                                   cannot be compared";
                    return Err(Error::File { path: path.clone(), problem: problem.to_owned() });
                }
                None => {}
            }
            let prefix = |inner: &str| format!("{}/{inner}", name.trim_end_matches('/'));
            all.runs.extend(
                run.nested
                    .runs
                    .into_iter()
                    .map(|inner| ListedRun { name: prefix(&inner.name), ..inner }),
            );
            let unreadable = run.nested.unreadable.into_iter();
            all.unreadable.extend(unreadable.map(|(inner, why)| (prefix(&inner), why)));
        }
        self.write_nested(&all.runs);
        write_comparison("Comparison".to_owned(), &all, &target)?;
        Ok(target)
    }

    /// Writes the reports of nested runs, so that they can be linked. A run without a report is
    /// not linked.
    fn write_nested(&mut self, runs: &[ListedRun]) {
        for run in runs {
            let target = run.folder.join(REPORT);
            if target.exists() && !is_report(&target) {
                continue;
            }
            // The page above contains the most important values of the run in any case.
            let _ = RunDir::read(&run.folder, &self.device)
                .and_then(|found| self.write_run(&run.folder, &found, &target));
        }
    }

    fn write_run(&mut self, path: &Path, run: &RunDir, target: &Path) -> Result<()> {
        let model = self.load_model(path, run)?;
        let html = render_run(&ReportData::new(path, target, run, model)?);
        write_output(target, html.as_bytes())
    }

    /// Checks that a file may be overwritten: only a report, which contains nothing but data of the
    /// run.
    fn check_target(&self, path: &Path) -> Result<()> {
        if !self.arguments.force && path.exists() && !is_report(path) {
            return Err(Error::Exists { path: path.to_owned() });
        }
        Ok(())
    }

    /// Loads the requested model or that of the run, and returns it with its name; or the reason
    /// why there is none.
    fn load_model(
        &mut self,
        path: &Path,
        run: &RunDir,
    ) -> Result<Result<(String, &Model), String>> {
        let Some(prompts) = &run.prompts else {
            return Ok(Err(String::new()));
        };
        if let Some(folder) = &self.arguments.model {
            let model = self.model_in(folder)?;
            prompts.check_fits(&model.t5)?;
            return Ok(Ok((folder.display().to_string(), model)));
        }
        let configured = run.config.as_ref().map(|config| config.settings.model.as_str());
        let name = configured.filter(|name| !name.is_empty()).unwrap_or(&prompts.header().model);
        if name.is_empty() {
            return Ok(Err("The run does not record the model of its prompts. Specify it with \
                           --model DIR."
                .into()));
        }
        let Some(folder) = model_of_run(path, name) else {
            return Ok(Err(format!(
                "The model of the run, {name}, was not found. Specify its path with --model DIR."
            )));
        };
        // The folder may contain another model by now. The report can do without it.
        let loaded = self.model_in(&folder).and_then(|model| {
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

    /// Returns the model in a folder. Most runs in a folder have the same model.
    fn model_in(&mut self, folder: &Path) -> Result<&Model> {
        let known = self.model.take_if(|(known, _)| known != folder);
        drop(known);
        if self.model.is_none() {
            self.model =
                Some((folder.to_owned(), Model::load(folder, WeightFormat::F32, &self.device)?));
        }
        Ok(&self.model.as_ref().expect("invariant: it was loaded above").1)
    }
}

fn write_comparison(name: String, nested: &NestedRuns, target: &Path) -> Result<()> {
    let link = |run: &ListedRun| relative_link(run, target);
    let comparison = Comparison::new(name, &nested.runs, &nested.unreadable, &link);
    write_output(target, render_comparison(&comparison).as_bytes())
}

/// Returns whether a file is a report.
fn is_report(path: &Path) -> bool {
    read_to_string(path).is_ok_and(|text| text.contains(GENERATOR))
}

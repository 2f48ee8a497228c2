//! Trains and evaluates one method on one sample of the data.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::core::TaskIndex;
use mtpt::infer::{Prompted, TaskTokenizer};
use mtpt::io::fs::write_atomic;
use mtpt::tasks::{Baselines, Split, Task};
use mtpt::{Model, RunFile};
use mtpt_examples::Result;

/// Run file with placeholders.
const RUN_FILE: &str = include_str!("run.toml");

/// Rows per forward pass in evaluation.
const BATCH: usize = 64;

/// Test accuracy of each task, by one method.
pub struct Measurement {
    pub rows: usize,
    pub method: String,
    /// In the order of the tasks, as fractions.
    pub values: Vec<f64>,
}

/// Everything that the runs share.
pub struct Setting {
    model: Model,
    data: PathBuf,
    work: PathBuf,
    steps: usize,
    test_rows: usize,
}

impl Setting {
    /// Loads the model. The last argument has the numbers of steps and of test rows.
    pub fn load(
        model: Option<&Path>,
        data: &Path,
        work: &Path,
        [steps, test_rows]: [usize; 2],
    ) -> Result<Self> {
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mtpt-nano");
        let model = Model::load(model.unwrap_or(&bundled), &mtpt::device("flex")?)?;
        let data = fs::canonicalize(data).map_err(|error| {
            format!(
                "cannot read `{}`: {error}; `--data` needs a folder with `glue/` and `text/`, see examples/README.md",
                data.display()
            )
        })?;
        Ok(Self { model, data, work: work.to_owned(), steps, test_rows })
    }

    /// Describes the runs in a paragraph.
    pub fn description(&self) -> String {
        let Self { steps, test_rows, .. } = self;
        format!(
            "\nTest accuracy in percent, on {test_rows} test rows per task. Means over the seeds and \
             their sample standard deviations. A seed samples the training and test rows and the \
             initial values. Every run trains all four tasks together: {steps} steps of 16 rows, \
             prompts of 20 vectors, AdamW at learning rate 0.3 with linear decay. The prompts of \
             the last step are evaluated; nothing is selected.\n"
        )
    }

    /// Evaluates the majority label and TF-IDF with a linear model.
    pub fn baselines(&self, rows: usize, seed: u64) -> Result<[Measurement; 2]> {
        let run = self.run_file(rows, seed, "separate", &self.work)?;
        let (mut majority, mut tfidf) = (Vec::new(), Vec::new());
        for task in &run.tasks {
            let missing = || format!("`{}` has no baselines", task.id());
            let baselines =
                Baselines::of_task(task, Split::Test, Some(true))?.ok_or_else(missing)?;
            majority.push(baselines.majority.primary());
            // Rows with a single label leave nothing to fit.
            tfidf.push(baselines.tfidf.as_ref().unwrap_or(&baselines.majority).primary());
        }
        let measured = |method: &str, values| Measurement { rows, method: method.into(), values };
        Ok([measured("majority label", majority), measured("TF-IDF", tfidf)])
    }

    /// Prepares the folder of a run of a composition.
    pub fn run(&self, rows: usize, seed: u64, strategy: &str) -> Result<Run> {
        let folder = self.work.join(format!("{}/{rows}/{strategy}-{seed}", self.steps));
        let file = self.run_file(rows, seed, strategy, &folder)?;
        let text = self.text(rows, seed, strategy);
        Ok(Run { rows, strategy: strategy.to_owned(), folder, file, text })
    }

    fn run_file(&self, rows: usize, seed: u64, strategy: &str, folder: &Path) -> Result<RunFile> {
        Ok(RunFile::parse(&self.text(rows, seed, strategy), &folder.join("run.toml"))?)
    }

    /// Returns the text of a run file.
    fn text(&self, rows: usize, seed: u64, strategy: &str) -> String {
        let values = [
            ("STRATEGY", strategy.to_owned()),
            ("STEPS", self.steps.to_string()),
            ("TEST_ROWS", self.test_rows.to_string()),
            ("ROWS", rows.to_string()),
            ("SEED", seed.to_string()),
            // Last, since paths may contain the other words.
            ("MODEL", self.model.path().display().to_string()),
            ("DATA", self.data.display().to_string()),
        ];
        let text = RUN_FILE.split_once('\n').map_or(RUN_FILE, |(_, text)| text).to_owned();
        values.iter().fold(text, |text, (name, value)| text.replace(name, value))
    }
}

/// A run in its folder.
pub struct Run {
    rows: usize,
    strategy: String,
    folder: PathBuf,
    file: RunFile,
    text: String,
}

impl Run {
    /// Trains the prompts and evaluates them, unless that was done before.
    pub fn finish(&self, setting: &Setting) -> Result<()> {
        if self.measurement()?.is_some() {
            return Ok(());
        }
        eprintln!("training in `{}`", self.folder.display());
        fs::create_dir_all(&self.folder)?;
        write_atomic(&self.folder.join("run.toml"), self.text.as_bytes())?;
        let output = self.folder.join("run");
        let trained = self.file.training(&setting.model).output(output).resume(true).run()?;
        let (tokenizer, t5) = (setting.model.tokenizer(), setting.model.t5());
        let prompted = Prompted::new(t5, trained.prompts.composition())?;
        let lengths = self.file.config.run.max_lengths();
        let tokenizer = TaskTokenizer::new(tokenizer, t5, lengths);
        let evaluate = |(index, task): (usize, &Task)| {
            let index = TaskIndex::new(index);
            let data = tokenizer.read_splits(index, task.clone(), &[Split::Test])?;
            Ok(prompted.evaluate(&data, Split::Test, BATCH)?.primary())
        };
        let values = self.file.tasks.iter().enumerate().map(evaluate);
        let values: Vec<f64> = values.collect::<Result<_>>()?;
        Ok(write_atomic(&self.folder.join("test.json"), &serde_json::to_vec(&values)?)?)
    }

    /// Returns the result, if the run is finished and had this configuration.
    pub fn measurement(&self) -> Result<Option<Measurement>> {
        let (config, result) = (self.folder.join("run.toml"), self.folder.join("test.json"));
        if !result.exists() || fs::read_to_string(config)? != self.text {
            return Ok(None);
        }
        let values = serde_json::from_slice(&fs::read(result)?)?;
        Ok(Some(Measurement { rows: self.rows, method: format!("`{}`", self.strategy), values }))
    }
}

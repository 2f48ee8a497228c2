use mtpt_compose::{Composition, CompositionConfig, SeparateConfig};
use mtpt_core::{Backbone, Compose, TaskIndex};
use mtpt_infer::{PromptHeader, Prompts, TaskData};
use mtpt_tasks::{Split, TaskId, Tokenize};

use crate::config::task_parts::TaskParts;
use crate::data::blank_inputs::blank_input_warnings;
use crate::data::truncation::truncation_warnings;
use crate::error::Result;
use crate::objective::distillation::Distillation;
use crate::objective::loss::Objective;
use crate::objective::prompt_tuning::PromptTuning;
use crate::run::observer::{BeginEvent, Observer};
use crate::run::prompt_tuning::{PromptTuningRun, Trained};
use crate::stages::context::Context;
use crate::stages::few_shot;
use crate::stages::nearest::nearest_source;
use crate::stages::plan::{PlannedDistillation, PlannedFewShot, PlannedRun, SourcePrompts, Step};
use crate::stages::report::{PipelineReport, StageOutcome};
use crate::stages::validate::without_unusable_patience;
use crate::stages::workspace::{Workspace, read_teachers};

/// Executes the steps of a plan and collects their results.
pub(crate) struct Executor<'a, B, T, L> {
    context: &'a Context<'a, B, T>,
    workspace: &'a Workspace<'a>,
    observer: &'a mut L,
    /// The source task that the next target starts from, if it is the nearest one.
    nearest: Option<TaskId>,
    /// Prompts of the targets so far.
    targets: Vec<Prompts>,
    report: PipelineReport,
}

impl<'a, B: Backbone, T: Tokenize, L: Observer> Executor<'a, B, T, L> {
    pub(crate) fn new(
        context: &'a Context<'a, B, T>,
        workspace: &'a Workspace<'a>,
        observer: &'a mut L,
    ) -> Self {
        let report = PipelineReport::default();
        Self { context, workspace, observer, nearest: None, targets: Vec::new(), report }
    }

    /// Executes one step.
    pub(crate) fn execute(&mut self, step: &Step, source: Option<&SourcePrompts>) -> Result<()> {
        match step {
            Step::Teacher(run) => self.teacher(run),
            Step::Source(run, distillation) => self.source(run, distillation.as_ref()),
            Step::Nearest(run) => self.nearest(run, source),
            Step::Target(run) => self.target(run),
            Step::FewShot(few_shot) => self.few_shot(few_shot),
        }
    }

    /// Returns the report, and the prompts of all targets if they can be in one file.
    pub(crate) fn finish(self) -> Result<(PipelineReport, Option<Prompts>)> {
        Ok((self.report, merge(self.targets, self.observer)?))
    }

    fn teacher(&mut self, run: &PlannedRun) -> Result<()> {
        let data = self.context.read(&run.tasks, &run.config)?;
        self.train_reported(run, &data)?;
        Ok(())
    }

    fn source(
        &mut self,
        run: &PlannedRun,
        distillation: Option<&PlannedDistillation>,
    ) -> Result<()> {
        let context = self.context;
        let data = context.read(&run.tasks, &run.config)?;
        self.note_inputs(run, &data);
        let trained =
            match distillation {
                None => self.train(run, &data, &PromptTuning::new(context.backbone))?,
                Some(PlannedDistillation { config, teachers }) => {
                    let device = context.device();
                    let teachers = read_teachers(teachers, &run.tasks, self.workspace, &device)?;
                    let training = &run.config.training;
                    let examples = training.steps.saturating_mul(training.batch_size);
                    let objective = Distillation::new(context.backbone, &teachers, config)
                        .with_cache(&data, examples, run.config.evaluation.batch_size)?;
                    self.train(run, &data, &objective)?
                }
            };
        self.add_outcome(run, &trained);
        Ok(())
    }

    fn nearest(&mut self, run: &PlannedRun, source: Option<&SourcePrompts>) -> Result<()> {
        let source = source.expect("invariant: a plan with targets has source prompts");
        let context = self.context;
        let data = context.read_split(&run.tasks, Split::Train, &run.config)?;
        let trained = self.train(run, &data, &PromptTuning::new(context.backbone))?;
        let prompt = trained.prompts.composition().plain_prompt(TaskIndex::new(0))?;
        let sources = Prompts::read(&source.path, &context.device())?;
        let (name, cosine) = nearest_source(prompt, &sources)?;
        let target = run.tasks[0].id();
        let text = format!("nearest to `{target}` is `{name}`, with a cosine of {cosine:.3}");
        self.observer.note(&text);
        self.nearest = Some(name);
        Ok(())
    }

    fn target(&mut self, run: &PlannedRun) -> Result<()> {
        let mut run = run.clone();
        if let Some(nearest) = self.nearest.take() {
            run.config.prompt.task_parts = TaskParts::Task(nearest.to_string());
        }
        let data = self.context.read(&run.tasks, &run.config)?;
        self.note_inputs(&run, &data);
        let trained = self.train_reported(&run, &data)?;
        self.targets.push(trained.prompts);
        Ok(())
    }

    fn few_shot(&mut self, few_shot: &PlannedFewShot) -> Result<()> {
        let context = self.context;
        let Some(config) = few_shot.config() else { return Ok(()) };
        let evaluated = few_shot::read_evaluated(few_shot, config, context)?;
        for (rows, runs) in &few_shot.draws {
            let mut scores = few_shot::Scores::new(&evaluated);
            for run in runs {
                let data = few_shot::read_sample(run, *rows, context)?;
                let trained = self.train_reported(run, &data)?;
                scores.add(context.backbone, &trained.prompts, run.config.evaluation.batch_size)?;
            }
            for result in scores.into_results(*rows, few_shot.per_label) {
                self.observer.note(&result.summary());
                self.report.few_shot.push(result);
            }
            few_shot::write_results(&self.workspace.few_shot_results(), &self.report.few_shot)?;
        }
        Ok(())
    }

    fn note_inputs(&mut self, run: &PlannedRun, data: &[TaskData]) {
        let warnings = truncation_warnings(data, run.config.max_lengths());
        let blank = blank_input_warnings(data);
        warnings.iter().chain(&blank).for_each(|warning| self.observer.note(warning));
    }

    /// Trains a run and adds it to the report. If its tasks have no `dev` split, it has no
    /// patience.
    fn train_reported(&mut self, run: &PlannedRun, data: &[TaskData]) -> Result<Trained> {
        let config = without_unusable_patience(run.config.clone(), data);
        let run = PlannedRun { config, ..run.clone() };
        let trained = self.train(&run, data, &PromptTuning::new(self.context.backbone))?;
        self.add_outcome(&run, &trained);
        Ok(trained)
    }

    /// Trains a run in its directory.
    fn train(
        &mut self,
        run: &PlannedRun,
        data: &[TaskData],
        objective: &impl Objective<Composition>,
    ) -> Result<Trained> {
        let composition = self.context.initial_composition(&run.config, &run.tasks)?;
        self.observer.begin(&BeginEvent {
            dir: &run.dir.to_string_lossy(),
            tasks: run.tasks.len(),
            steps: run.config.training.steps,
            trainable_parameters: composition.trainable_parameters(),
        });
        self.note_unknown_tokens(data);
        PromptTuningRun::new(&run.config, data, self.context.backbone)
            .objective(objective)
            .output(self.workspace.run_dir(&run.dir))
            .resume(self.workspace.resume)
            .observer(&mut *self.observer)
            .train(composition)
    }

    /// Reports text outside the vocabulary of the tokenizer.
    fn note_unknown_tokens(&mut self, data: &[TaskData]) {
        for data in data {
            let mut counts = data.unknown_tokens(Split::Train);
            counts += data.unknown_tokens(Split::Dev);
            if let Some(message) = counts.message(data.task().id()) {
                self.observer.note(&message);
            }
        }
    }

    fn add_outcome(&mut self, run: &PlannedRun, trained: &Trained) {
        let prompts = self.workspace.run_dir(&run.dir).join(crate::output::run_dir::PROMPTS);
        let Trained { step, score, stopped_early, .. } = *trained;
        self.report.runs.push(StageOutcome {
            stage: run.stage,
            prompts,
            step,
            score,
            stopped_early,
        });
    }
}

/// Merges the prompts of targets that were trained separately into one file of composed prompts.
/// Returns none if there are no targets, or their prompts depend on the input.
fn merge(mut targets: Vec<Prompts>, observer: &mut impl Observer) -> Result<Option<Prompts>> {
    if targets.len() < 2 {
        return Ok(targets.pop());
    }
    if targets.iter().any(|prompts| prompts.composition().reads_inputs()) {
        observer.note("the targets' prompts depend on the input: each target keeps its own file");
        return Ok(None);
    }
    let composed = targets.iter().map(|prompts| {
        prompts.composition().plain_prompt(TaskIndex::new(0)).map_err(mtpt_infer::Error::from)
    });
    // All targets have the source's lengths.
    let decoder_length = targets[0].header().decoder_length;
    let composition = Composition::plain(composed.collect::<Result<_, _>>()?)?
        .with_decoder_length(decoder_length);
    let header = PromptHeader {
        composition: CompositionConfig::Separate(SeparateConfig::default()),
        length: composition.prompt_length() - decoder_length,
        steps: targets.iter().map(|prompts| prompts.header().steps).max().unwrap_or(0),
        tasks: targets.iter().flat_map(|prompts| prompts.tasks().iter().cloned()).collect(),
        ..targets[0].header().clone()
    };
    Ok(Some(Prompts::new(composition, header)))
}

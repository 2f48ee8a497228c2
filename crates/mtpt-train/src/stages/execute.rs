use std::fs;
use std::path::{self, Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::{Composition, CompositionConfig, SeparateConfig};
use mtpt_core::{Backbone, Compose, TaskIndex};
use mtpt_io::fs::DirLock;
use mtpt_tasks::{MixtureConfig, Split, Task, TaskId, Tokenize};
use serde::Serialize;

use crate::config::run::{PromptConfig, RunConfig};
use crate::config::stages::{AdaptationConfig, StagedRunConfig, TeachersConfig};
use crate::config::task_parts::TaskParts;
use crate::data::truncation::cut_rows;
use crate::error::{Error, Result};
use crate::init::initial::initial_composition;
use crate::objective::distillation::Distillation;
use crate::objective::teachers::Teachers;
use crate::objective::{Objective, PromptTuning};
use crate::output::run_dir::RunFolder;
use crate::output::run_dir::{OUTCOME, PROMPTS, remove_if_there};
use crate::run::check::{check_rows, check_task_options};
use crate::run::observer::{BeginEvent, Observer};
use crate::run::train::{Output, Trained, train_on};
use crate::stages::few_shot::FewShotFigure;
use crate::stages::nearest::nearest;
use mtpt_infer::{PromptHeader, Prompts, TaskData};

/// A part of multitask prompt tuning that can be done by itself (Wang et al., 2023, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A plain prompt for each source task.
    Teachers,
    /// The shared prompt and what each source task owns.
    Source,
    /// Targets that begin at what was learned.
    Targets,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Teachers, Self::Source, Self::Targets];

    /// The folder of the stage's runs below that of all.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Teachers => "teachers",
            Self::Source => "source",
            Self::Targets => "targets",
        }
    }

    /// The folders of the stage's runs below that of all, in sorted order; none where the stage was not begun.
    pub fn runs_below(self, all: &Path) -> Vec<PathBuf> {
        let mut runs = Vec::new();
        collect_runs(&all.join(self.folder()), &mut runs);
        runs
    }
}

fn collect_runs(folder: &Path, runs: &mut Vec<PathBuf>) {
    if folder.join("config.toml").is_file() {
        runs.push(folder.to_owned());
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // No links: they may lead around in a circle.
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut folders: Vec<PathBuf> = entries.filter(is_folder).map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().for_each(|folder| collect_runs(folder, runs));
}

/// What the runs of a configuration came to.
#[derive(Clone, Debug, Default)]
pub struct StagesDone {
    /// The prompts that are the outcome of it all, where there is one prompt file of them: those of the targets, or of the
    /// sources without any.
    pub prompts: Option<PathBuf>,
    /// The runs, in their order.
    pub runs: Vec<StageRun>,
    /// What adaptation to a few rows came to.
    pub few_shot: Vec<FewShotFigure>,
}

/// What one of the runs came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRun {
    /// The stage that it is part of.
    pub stage: Stage,
    /// Its prompts.
    pub prompts: PathBuf,
    /// The step that they are from.
    pub step: usize,
    /// Mean of the tasks' metrics on `dev`, as a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The step that it ended after, if that was before its last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_early: Option<usize>,
}

/// Does what a [`StagedRunConfig`] tells: teachers, the run on the source tasks, targets.
///
/// Each run has a folder of its own below one for all, and can be gone on with there: `teachers/TASK`, `source`, `targets/TASK`,
/// or `targets` where they learn together. The folder of all holds the whole configuration and, in the end, the prompts. A
/// configuration without stages around the run is that run, in the folder itself.
#[derive(Debug)]
pub struct Stages<'a, B, E> {
    pub(crate) config: &'a StagedRunConfig,
    pub(crate) tasks: &'a [Task],
    pub(crate) backbone: &'a B,
    pub(crate) tokenizer: &'a E,
    /// With autodiff.
    pub(crate) device: &'a Device,
    /// Of all runs.
    pub(crate) folder: &'a Path,
    resume: bool,
}

impl<'a, B: Backbone, E: Tokenize> Stages<'a, B, E> {
    /// What is to be done, with which model, on which device, which is one with autodiff, in which folder, and whether runs go
    /// on that were begun there.
    ///
    /// # Errors
    ///
    /// When a number is out of its range ([`Error::OutOfRange`]), a target or source is none of the tasks
    /// ([`mtpt_infer::Error::UnknownTask`]), no task is left as a source ([`Error::NoSource`]), or the nearest source is asked for by
    /// targets that learn together ([`Error::NearestTogether`]) or from a few rows ([`Error::NearestOfFewRows`]).
    pub fn new(
        config: &'a StagedRunConfig,
        tasks: &'a [Task],
        backbone: &'a B,
        tokenizer: &'a E,
        device: &'a Device,
        folder: &'a Path,
        resume: bool,
    ) -> Result<Self> {
        config.check()?;
        if config.adaptation.as_ref().is_some_and(|adaptation| adaptation.targets.is_empty()) {
            let (option, expected) = ("adaptation.targets", "a list of at least one task");
            return Err(Error::OutOfRange { option, expected, found: 0.0 });
        }
        let stages = Self { config, tasks, backbone, tokenizer, device, folder, resume };
        if let Some(adaptation) = &config.adaptation {
            for name in adaptation.targets.iter().chain(adaptation.sources.iter().flatten()) {
                stages.find(name).map_err(|error| error.in_stage("adaptation"))?;
            }
            match (&adaptation.nearest, adaptation.together, &adaptation.few_shot) {
                (Some(_), true, _) => return Err(Error::NearestTogether),
                (Some(_), _, Some(_)) => return Err(Error::NearestOfFewRows),
                _ => {}
            }
        }
        Ok(stages)
    }

    /// Does the stages that are asked for, of those that the configuration tells of.
    ///
    /// # Errors
    ///
    /// Those of [`initial_composition`], [`TaskData::read`], [`train_on`] and [`Teachers::new`].
    pub fn run(&self, asked: &[Stage], observer: &mut impl Observer) -> Result<StagesDone> {
        let mut done = StagesDone::default();
        let teachers = self.config.teachers();
        let learned_teachers = teachers.as_ref().filter(|teachers| teachers.prompts.is_none());
        let adaptation =
            self.config.adaptation.as_ref().filter(|_| asked.contains(&Stage::Targets));
        let learned_teachers = learned_teachers.filter(|_| asked.contains(&Stage::Teachers));
        let learns_source = asked.contains(&Stage::Source);
        if learned_teachers.is_none() && !learns_source && adaptation.is_none() {
            return Err(Error::NoStage { asked: asked.to_vec() });
        }
        if self.config.first_stage().is_none() {
            self.refuse_to_remove(&[self.folder.to_owned()], &self.beginnings())?;
            self.source(PathBuf::new(), self.tasks.to_vec(), None, observer, &mut done)?;
            done.prompts = done.runs.first().map(|run| run.prompts.clone());
            return Ok(done);
        }
        // Whatever can be wrong is found out before anything of an earlier run is taken away, and not after hours.
        let sources = self.sources();
        if learned_teachers.is_some() || learns_source {
            self.check_sources(&sources)?;
        }
        let distils = learns_source && self.config.distillation.is_some();
        if let Some(teachers) = teachers.as_ref().filter(|_| distils && learned_teachers.is_none())
        {
            self.read_teachers(teachers, &sources)?;
        }
        let source = PathBuf::from(Stage::Source.folder());
        if let Some(adaptation) = adaptation {
            if learns_source {
                let known = sources.iter().map(|task| task.id().clone()).collect();
                self.check_targets(adaptation, known, &self.config.run)?;
            } else {
                self.check_targets_of(adaptation, &self.finished(&source)?)?;
            }
        }
        let (folder, _lock) = self.begin(asked, &self.beginnings())?;
        if let Some(teachers) = learned_teachers {
            for task in &sources {
                self.teacher(teachers, task, observer, &mut done)?;
            }
        }
        if learns_source {
            let teachers = teachers.as_ref().filter(|_| distils);
            let teachers = teachers.map(|teachers| self.read_teachers(teachers, &sources));
            let teachers = teachers.transpose()?;
            self.source(source.clone(), sources, teachers.as_ref(), observer, &mut done)?;
            if self.config.adaptation.is_none() {
                let prompts = Prompts::read(&self.prompts_of(&source), &self.plain())?;
                prompts.write(&folder.prompts())?;
                done.prompts = Some(folder.prompts());
            }
        }
        if let Some(adaptation) = adaptation {
            self.targets(adaptation, &self.prompts_of(&source), &folder, observer, &mut done)?;
        }
        self.end(&folder)?;
        Ok(done)
    }

    /// Adapts to the targets from prompts that were learned before, without the stages that learn them.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the prompts cannot be read.
    pub fn adapt(&self, source: &Path, observer: &mut impl Observer) -> Result<StagesDone> {
        let mut done = StagesDone::default();
        let Some(adaptation) = &self.config.adaptation else {
            return Err(Error::NoStage { asked: vec![Stage::Targets] });
        };
        self.check_targets_of(adaptation, source)?;
        let (folder, _lock) = self.begin(&[Stage::Targets], &[source])?;
        self.targets(adaptation, source, &folder, observer, &mut done)?;
        self.end(&folder)?;
        Ok(done)
    }

    /// Keeps others from the folder, and writes down what is to be done. What earlier runs of the stages have come to is taken
    /// away, and what followed from it, unless it is gone on with: should this one be interrupted before it comes to a stage, it
    /// must not go on there with what others have done.
    fn begin(&self, asked: &[Stage], beginnings: &[&Path]) -> Result<(RunFolder, DirLock)> {
        let folder = RunFolder::create(self.folder)?;
        let lock = folder.lock()?;
        if self.resume && folder.config().exists() {
            // Until the runs themselves have agreed to go on, what is written there is what they began as.
            return Ok((folder, lock));
        }
        if !self.resume {
            let last = Stage::ALL.iter().rposition(|stage| asked.contains(stage));
            // A stage that is passed over, and that a later one begins at, stays.
            let outdated = (0..)
                .zip(Stage::ALL)
                .filter(|(place, stage)| asked.contains(stage) || last < Some(*place));
            let mut runs: Vec<PathBuf> =
                outdated.flat_map(|(_, stage)| stage.runs_below(self.folder)).collect();
            runs.insert(0, self.folder.to_owned());
            self.refuse_to_remove(&runs, beginnings)?;
            // Those within others first, so that folders that are empty then can go.
            for run in runs.iter().rev() {
                RunFolder::create(run)?.clear()?;
                if run != self.folder {
                    let _ = fs::remove_dir(run);
                }
            }
            remove_if_there(&self.few_shot_figures())?;
        }
        folder.write_config(self.config, self.tasks.iter())?;
        Ok((folder, lock))
    }

    /// Writes down what was gone on with, which may differ from before in what is no part of any run, such as the number of
    /// draws.
    fn end(&self, folder: &RunFolder) -> Result<()> {
        if self.resume { folder.write_config(self.config, self.tasks.iter()) } else { Ok(()) }
    }

    /// The files that runs begin at.
    fn beginnings(&self) -> Vec<&Path> {
        let teachers =
            self.config.teachers.as_ref().and_then(|teachers| teachers.prompts.as_deref());
        self.config.run.prompt.files().chain(teachers).collect()
    }

    /// What a run begins at must not be among what it takes the place of.
    fn refuse_to_remove(&self, runs: &[PathBuf], beginnings: &[&Path]) -> Result<()> {
        if self.resume {
            return Ok(());
        }
        let removed = runs.iter().filter_map(|run| run.join(PROMPTS).canonicalize().ok());
        let removed: Vec<PathBuf> = removed.collect();
        let is_removed =
            |path: &&&Path| path.canonicalize().is_ok_and(|path| removed.contains(&path));
        match beginnings.iter().find(is_removed) {
            Some(path) => Err(Error::WouldRemove { path: (*path).to_owned() }),
            None => Ok(()),
        }
    }

    /// What is wrong with the sources that can be known before anything is learned.
    fn check_sources(&self, sources: &[Task]) -> Result<()> {
        if sources.is_empty() {
            return Err(Error::NoSource);
        }
        let config = &self.config.run;
        let data = self.read(sources.to_vec(), config)?;
        check_rows(&data, config)?;
        let device = self.plain();
        let composition =
            initial_composition(config, sources, self.backbone, self.tokenizer, &device)?;
        check_task_options(config, &composition)
    }

    /// The same of targets that begin at trained prompts.
    fn check_targets_of(&self, adaptation: &AdaptationConfig, source: &Path) -> Result<()> {
        let trained = Prompts::read(source, &self.plain())?;
        trained.check_fits(self.backbone)?;
        let known = trained.tasks().iter().map(|task| task.name.clone()).collect();
        let config = self.target_config(adaptation, source, &trained, TaskParts::Own);
        self.check_targets(adaptation, known, &config)
    }

    /// The same of targets that begin at prompts of some tasks, composed as a run tells.
    fn check_targets(
        &self,
        adaptation: &AdaptationConfig,
        known: Vec<TaskId>,
        begins: &RunConfig,
    ) -> Result<()> {
        if let TaskParts::Task(name) = &adaptation.task_parts
            && adaptation.nearest.is_none()
            && !known.iter().any(|task| task.as_str() == name)
        {
            return Err(Error::from(mtpt_infer::Error::UnknownTask { found: name.clone(), known })
                .in_stage("adaptation"));
        }
        let prompt = PromptConfig {
            start_from: None,
            frozen_levels: adaptation.frozen_levels.clone(),
            ..begins.prompt.clone()
        };
        let config = RunConfig { prompt, training: adaptation.training.clone(), ..begins.clone() };
        for target in &adaptation.targets {
            let task = self.find(target)?;
            if adaptation.few_shot.is_some() && !task.has(Split::Test) && !task.has(Split::Dev) {
                return Err(Error::NothingToJudge { task: target.clone() });
            }
            let data = self.read(vec![task.clone()], &config)?;
            let mixture = self.of_one();
            check_rows(&data, &RunConfig { mixture, ..patient_if_judged(config.clone(), &data) })?;
        }
        for (_, group) in self.target_runs(adaptation)? {
            let (backbone, tokenizer) = (self.backbone, self.tokenizer);
            let composition =
                initial_composition(&config, &group, backbone, tokenizer, &self.plain())
                    .map_err(|error| error.in_stage("adaptation"))?;
            if adaptation.nearest.is_some() && composition.reads_inputs() {
                return Err(Error::NearestReadsInputs);
            }
        }
        Ok(())
    }

    /// Where figures of few rows are written.
    pub(crate) fn few_shot_figures(&self) -> PathBuf {
        self.folder.join("few_shot.jsonl")
    }

    /// The tasks that the run learns.
    fn sources(&self) -> Vec<Task> {
        let is_source = |task: &&Task| match &self.config.adaptation {
            None => true,
            Some(AdaptationConfig { sources: Some(sources), .. }) => sources.contains(task.id()),
            Some(adaptation) => !adaptation.targets.contains(task.id()),
        };
        self.tasks.iter().filter(is_source).cloned().collect()
    }

    pub(crate) fn find(&self, name: &TaskId) -> Result<&'a Task> {
        let found = self.tasks.iter().find(|task| task.id() == name);
        found.ok_or_else(|| {
            let known = self.tasks.iter().map(|task| task.id().clone()).collect();
            mtpt_infer::Error::UnknownTask { found: name.to_string(), known }.into()
        })
    }

    pub(crate) fn plain(&self) -> Device {
        self.device.clone().without_autodiff()
    }

    /// The output of a run below that of all.
    fn output(&self, place: &Path) -> Result<Output> {
        // Without a name below it, the folder of all is the run's own.
        let alone = place.as_os_str().is_empty();
        let place = if alone { self.folder.to_owned() } else { self.folder.join(place) };
        Ok(Output { folder: RunFolder::create(&place)?, resume: self.resume })
    }

    /// The prompts of a run that has come to its end.
    fn finished(&self, place: &Path) -> Result<PathBuf> {
        let folder = self.folder.join(place);
        // Where there are no prompts at all, to read them tells what is missing.
        if folder.join(PROMPTS).exists() && !folder.join(OUTCOME).exists() {
            return Err(Error::Unfinished { path: folder });
        }
        Ok(folder.join(PROMPTS))
    }

    fn prompts_of(&self, place: &Path) -> PathBuf {
        self.folder.join(place).join(PROMPTS)
    }

    fn teacher(
        &self,
        teachers: &TeachersConfig,
        task: &Task,
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<()> {
        let config = RunConfig {
            prompt: teachers.prompt.clone(),
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            training: teachers.training.clone(),
            mixture: self.of_one(),
            ..self.config.run.clone()
        };
        let place = teacher_place(task.id());
        let data = self.read(vec![task.clone()], &config)?;
        let config = patient_if_judged(config, &data);
        self.learn(Stage::Teachers, place, &config, &data, observer, done)?;
        Ok(())
    }

    fn read_teachers(&self, teachers: &TeachersConfig, sources: &[Task]) -> Result<Teachers> {
        let device = self.plain();
        let names = sources.iter().map(Task::id);
        if let Some(path) = &teachers.prompts {
            return Teachers::read(path, names, &device);
        }
        let prompts = names
            .clone()
            .map(|task| Ok(Prompts::read(&self.finished(&teacher_place(task))?, &device)?))
            .collect::<Result<Vec<_>>>()?;
        Teachers::new(&prompts, names)
    }

    fn source(
        &self,
        place: PathBuf,
        tasks: Vec<Task>,
        teachers: Option<&Teachers>,
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<()> {
        let config = &self.config.run;
        let data = self.read(tasks, config)?;
        cut_rows(&data, config.max_lengths())?.iter().for_each(|note| observer.note(note));
        let (Some(teachers), Some(distillation)) = (teachers, &self.config.distillation) else {
            self.learn(Stage::Source, place, config, &data, observer, done)?;
            return Ok(());
        };
        let rows = config.training.steps.saturating_mul(config.training.batch_size);
        let objective = Distillation::new(self.backbone, teachers, distillation).keeping(
            &data,
            rows,
            config.evaluation.batch_size,
        )?;
        self.learn_on(&objective, Stage::Source, place, config, &data, observer, done)?;
        Ok(())
    }

    fn targets(
        &self,
        adaptation: &AdaptationConfig,
        source: &Path,
        folder: &RunFolder,
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<()> {
        // The targets' own configurations, which name it, lie elsewhere.
        let failed = |error| Error::File { action: "find", path: source.to_owned(), source: error };
        let source = &path::absolute(source).map_err(failed)?;
        let trained = Prompts::read(source, &self.plain())?;
        let mut outcome = Vec::new();
        for (place, tasks) in self.target_runs(adaptation)? {
            let task_parts = match &adaptation.nearest {
                Some(nearest_config) => {
                    let target = &tasks[0];
                    let (name, cosine) =
                        nearest(self, nearest_config, &trained, target, &place, observer)?;
                    observer.note(&format!(
                        "nearest to `{}` is `{name}`, with a cosine of {cosine:.3}",
                        target.id()
                    ));
                    TaskParts::Task(name.to_string())
                }
                None => adaptation.task_parts.clone(),
            };
            let config = self.target_config(adaptation, source, &trained, task_parts);
            match &adaptation.few_shot {
                Some(few_shot) => {
                    self.few_shot(&config, few_shot, &place, &tasks, observer, done)?;
                }
                None => {
                    let data = self.read(tasks, &config)?;
                    let config = patient_if_judged(config, &data);
                    let notes = cut_rows(&data, config.max_lengths())?;
                    notes.iter().for_each(|note| observer.note(note));
                    outcome.push(self.learn(
                        Stage::Targets,
                        place,
                        &config,
                        &data,
                        observer,
                        done,
                    )?);
                }
            }
        }
        if let Some(prompts) = self.outcome(outcome, observer)? {
            prompts.write(&folder.prompts())?;
            done.prompts = Some(folder.prompts());
        }
        Ok(())
    }

    /// The tasks of each run of targets, and its place: all of them together, or each by itself.
    fn target_runs(&self, adaptation: &AdaptationConfig) -> Result<Vec<(PathBuf, Vec<Task>)>> {
        let all = PathBuf::from(Stage::Targets.folder());
        let targets = adaptation.targets.iter().map(|name| self.find(name).cloned());
        if adaptation.together {
            return Ok(vec![(all, targets.collect::<Result<_>>()?)]);
        }
        targets.map(|task| task.map(|task| (all.join(task.id().as_str()), vec![task]))).collect()
    }

    /// The run of targets that begin at trained prompts, whose composition and length they take over.
    fn target_config(
        &self,
        adaptation: &AdaptationConfig,
        source: &Path,
        trained: &Prompts,
        task_parts: TaskParts,
    ) -> RunConfig {
        let header = trained.header();
        RunConfig {
            prompt: PromptConfig {
                length: header.length,
                initializer: self.config.run.prompt.initializer.clone(),
                components: Vec::new(),
                start_from: Some(source.to_owned()),
                task_parts,
                frozen_levels: adaptation.frozen_levels.clone(),
            },
            composition: header.composition.clone(),
            training: adaptation.training.clone(),
            mixture: if adaptation.together { self.config.run.mixture } else { self.of_one() },
            ..self.config.run.clone()
        }
    }

    /// The mixture of one task by itself: there are no others to draw some from.
    pub(crate) fn of_one(&self) -> MixtureConfig {
        MixtureConfig { stochastic: None, ..self.config.run.mixture }
    }

    /// One prompt file of all targets: that of the group, or the composed prompts of those that learned each by itself.
    fn outcome(
        &self,
        mut targets: Vec<Trained>,
        observer: &mut impl Observer,
    ) -> Result<Option<Prompts>> {
        if targets.len() < 2 {
            return Ok(targets.pop().map(|trained| trained.prompts));
        }
        let prompts: Vec<&Prompts> = targets.iter().map(|trained| &trained.prompts).collect();
        if prompts.iter().any(|prompts| prompts.composition().reads_inputs()) {
            observer.note(
                "the targets' prompts depend on their inputs: they stay in a file for each target",
            );
            return Ok(None);
        }
        let composed =
            prompts.iter().map(|prompts| prompts.composition().compose(TaskIndex::new(0)).inner());
        let composition = Composition::plain(composed.collect())?;
        let header = PromptHeader {
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            length: composition.prompt_length(),
            steps: prompts.iter().map(|prompts| prompts.header().steps).max().unwrap_or(0),
            tasks: prompts.iter().flat_map(|prompts| prompts.tasks().iter().cloned()).collect(),
            ..prompts[0].header().clone()
        };
        Ok(Some(Prompts::new(composition, header)))
    }

    fn read(&self, tasks: Vec<Task>, config: &RunConfig) -> Result<Vec<TaskData>> {
        let lengths = config.max_lengths();
        Ok(TaskData::read_for_training(tasks, self.tokenizer, self.backbone, lengths)?)
    }

    /// The rows of one split of a task that has this position in a run.
    pub(crate) fn read_split(
        &self,
        position: usize,
        task: Task,
        split: Split,
        config: &RunConfig,
    ) -> Result<TaskData> {
        let (index, lengths) = (TaskIndex::new(position), config.max_lengths());
        Ok(TaskData::read_splits(index, task, &[split], self.tokenizer, self.backbone, lengths)?)
    }

    /// The composition of a run, of which the observer is told.
    fn begin_run(
        &self,
        config: &RunConfig,
        data: &[TaskData],
        place: &Path,
        observer: &mut impl Observer,
    ) -> Result<Composition> {
        let tasks: Vec<Task> = data.iter().map(|data| data.task().clone()).collect();
        let composition =
            initial_composition(config, &tasks, self.backbone, self.tokenizer, self.device)?;
        observer.begin(&BeginEvent {
            place: &place.to_string_lossy(),
            tasks: tasks.len(),
            steps: config.training.steps,
            trained_numbers: composition.trainable_parameters(),
        });
        Ok(composition)
    }

    /// A run in its folder.
    pub(crate) fn learn(
        &self,
        stage: Stage,
        place: PathBuf,
        config: &RunConfig,
        data: &[TaskData],
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<Trained> {
        let objective = PromptTuning::new(self.backbone);
        self.learn_on(&objective, stage, place, config, data, observer, done)
    }

    /// A run of an objective in its folder.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a run is, where it is, and who is told of it"
    )]
    fn learn_on(
        &self,
        objective: &impl Objective<Composition>,
        stage: Stage,
        place: PathBuf,
        config: &RunConfig,
        data: &[TaskData],
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<Trained> {
        let composition = self.begin_run(config, data, &place, observer)?;
        let output = self.output(&place)?;
        let trained =
            train_on(objective, config, data, self.backbone, composition, Some(&output), observer)?;
        done.add(stage, &output, &trained);
        Ok(trained)
    }
}

impl StagesDone {
    fn add(&mut self, stage: Stage, output: &Output, trained: &Trained) {
        let (prompts, step, score) = (output.folder.prompts(), trained.step, trained.score);
        let stopped_early = trained.stopped_early;
        self.runs.push(StageRun { stage, prompts, step, score, stopped_early });
    }
}

/// Patience needs a `dev` to judge by, which teachers and targets each by themselves may lack.
fn patient_if_judged(mut config: RunConfig, data: &[TaskData]) -> RunConfig {
    if data.iter().all(|task| task.rows(Split::Dev).is_empty()) {
        config.evaluation.patience = None;
    }
    config
}

fn teacher_place(task: &TaskId) -> PathBuf {
    PathBuf::from(Stage::Teachers.folder()).join(task.as_str())
}

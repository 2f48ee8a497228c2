use crate::report::chart::quantity::Quantity;
use crate::report::data::finding::{Finding, Verdict};
use crate::report::data::setting::{Setting, differing_settings};
use crate::run_files::history::{Series, highest};
use crate::run_files::listed_run::ListedRun;

/// Several runs, the best first.
pub(crate) struct Comparison<'a> {
    /// Name of the folder, or of the comparison.
    pub(crate) name: String,
    pub(crate) runs: Vec<ComparedRun<'a>>,
    /// Settings in which the runs differ, with their values in the order of `runs`.
    pub(crate) settings: Vec<Setting>,
    /// Quantity of the scores.
    pub(crate) quantity: Quantity,
    /// Number of stages and other runs inside the compared runs.
    pub(crate) inner: usize,
    /// Runs that can't be read: their names and the reasons.
    pub(crate) unreadable: &'a [(String, String)],
}

/// A run in a comparison.
pub(crate) struct ComparedRun<'a> {
    pub(crate) run: &'a ListedRun,
    /// Link to the report of the run.
    pub(crate) link: Option<String>,
    /// The selection score of every evaluation: the mean over tasks on `dev`, or the mean loss of
    /// corpora.
    pub(crate) scores: Series,
    pub(crate) best: Option<(usize, f64)>,
}

impl<'a> Comparison<'a> {
    /// Compares runs. `link` returns the link to the report of a run.
    pub(crate) fn new(
        name: String,
        runs: &'a [ListedRun],
        unreadable: &'a [(String, String)],
        link: &dyn Fn(&ListedRun) -> Option<String>,
    ) -> Self {
        let outer: Vec<&ListedRun> = outermost(runs);
        let inner = runs.len() - outer.len();
        let quantity = quantity_of(&outer);
        let mut compared: Vec<ComparedRun<'_>> = outer
            .into_iter()
            .map(|run| {
                let scores = scores_of(run, runs);
                let best = quantity.best(&scores);
                ComparedRun { run, link: link(run), scores, best }
            })
            .collect();
        // Runs without a score come last. Equal runs keep the order of their names.
        let rank = |run: &ComparedRun<'_>| match run.best {
            Some((_, value)) if quantity.higher_is_better() => -value,
            Some((_, value)) => value,
            None => f64::INFINITY,
        };
        compared.sort_by(|first, second| rank(first).total_cmp(&rank(second)));
        let texts: Vec<&str> = compared.iter().map(|run| run.run.config.text.as_str()).collect();
        let settings = differing_settings(&texts);
        Self { name, runs: compared, settings, quantity, inner, unreadable }
    }

    /// Returns the best run that has a score.
    pub(crate) fn best(&self) -> Option<(&ComparedRun<'a>, f64)> {
        let first = self.runs.first()?;
        first.best.map(|(_, value)| (first, value))
    }

    /// Returns the names of all tasks, in order of appearance.
    pub(crate) fn tasks(&self) -> Vec<&'a str> {
        let mut names = Vec::new();
        for run in &self.runs {
            for name in run.run.history.tasks() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Returns whether the runs have the same tasks, so that their scores are comparable.
    pub(crate) fn has_common_tasks(&self) -> bool {
        let tasks = |run: &ComparedRun<'a>| {
            let mut names = run.run.history.tasks();
            names.sort_unstable();
            names
        };
        self.runs.windows(2).all(|pair| tasks(&pair[0]) == tasks(&pair[1]))
    }
}

impl ComparedRun<'_> {
    /// Returns the numbers of tasks that beat their majority baseline, and that have one.
    pub(crate) fn above_majority(&self) -> Option<(usize, usize)> {
        let findings = Finding::all(self.run.evaluation.as_ref()?);
        let verdicts: Vec<Verdict> = findings.iter().map(Finding::against_majority).collect();
        let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
        let better = count(Verdict::Better);
        let compared = better + count(Verdict::NotBetter);
        (compared > 0).then_some((better, compared))
    }

    /// Returns the value of a task at the best step, and its metric.
    pub(crate) fn value_of(&self, task: &str) -> Option<(Quantity, f64)> {
        let (step, _) = self.best?;
        let metrics = self.run.history.metrics_of(task);
        let metric = metrics.iter().find(|metric| metric.split == "dev")?;
        let (_, value) = metric.values.iter().find(|(at, _)| *at == step)?;
        Some((Quantity::of_metric(&metric.metric), *value))
    }
}

/// Returns the runs that aren't inside another run of the list.
fn outermost(runs: &[ListedRun]) -> Vec<&ListedRun> {
    let is_inside = |run: &ListedRun| {
        runs.iter().any(|other| run.folder != other.folder && run.folder.starts_with(&other.folder))
    };
    runs.iter().filter(|run| !is_inside(run)).collect()
}

/// Returns the quantity of the scores of runs.
fn quantity_of(runs: &[&ListedRun]) -> Quantity {
    let metrics: Vec<&str> = runs.iter().flat_map(|run| run.history.score_metrics()).collect();
    let trains_models = runs.iter().any(|run| run.config.settings.corpora.is_some());
    match metrics.is_empty() && trains_models {
        true => Quantity::LOSS,
        // Without results there is nothing to show; most scores are fractions.
        false if metrics.is_empty() => Quantity::PERCENT,
        false => Quantity::of_mean(metrics),
    }
}

/// Returns the scores of a run; of one with stages, those of its last stage.
fn scores_of(run: &ListedRun, all: &[ListedRun]) -> Series {
    let own = scores(run);
    if !own.is_empty() || !run.has_stages {
        return own;
    }
    let inside = |folder: &str| -> Vec<&ListedRun> {
        all.iter().filter(|other| other.folder.starts_with(run.folder.join(folder))).collect()
    };
    match inside("targets").as_slice() {
        [] => inside("source").first().map(|source| scores(source)).unwrap_or_default(),
        [target] => scores(target),
        targets => {
            // Targets are trained separately, so only their best scores have a mean.
            let best: Vec<(usize, f64)> =
                targets.iter().filter_map(|target| highest(&scores(target))).collect();
            let step = best.iter().map(|(step, _)| *step).max();
            let sum: f64 = best.iter().map(|(_, value)| value).sum();
            step.map(|step| (step, sum / best.len() as f64)).into_iter().collect()
        }
    }
}

fn scores(run: &ListedRun) -> Series {
    if run.config.settings.corpora.is_none() {
        return run.history.means();
    }
    run.history.mean_losses()
}

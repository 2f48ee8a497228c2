//! The final report: a table of the task tree, predictions for handwritten sentences, and a
//! summary.

use std::io::Write;

use mtpt::infer::{Answer, Predictor, Prompts};
use mtpt::tasks::{Node, NodeIndex, TaskTree};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Written};
use mtpt_examples::model::Model;
use mtpt_examples::terminal::grouped;

/// Results of a task; metrics are fractions.
pub struct Row {
    pub metric: &'static str,
    pub majority: f64,
    pub before: f64,
    pub after: f64,
    /// Trainable parameters per task, with an equal share of the shared ones.
    pub parameters: f64,
    /// Fraction of the training time.
    pub seconds: f64,
}

/// Results of all tasks.
pub struct Report<'a> {
    pub tree: &'a TaskTree,
    /// In task order.
    pub rows: Vec<Row>,
    /// Step whose prompts were selected.
    pub step: usize,
    pub steps: usize,
    /// Number of trainable parameters.
    pub trained: usize,
    /// Number of parameters of the model.
    pub frozen: usize,
    /// Whether the model is bit-identical to before.
    pub unchanged: bool,
    /// Total time, including loading the model.
    pub seconds: f64,
}

impl Report<'_> {
    /// Prints groups with their means and tasks below them, metrics in percent.
    pub fn table(&self, output: &mut impl Write) -> Result<()> {
        let indented = |node: &Node| {
            let indent = 2 * node.depth().saturating_sub(1);
            format!("{:indent$}{}", "", node.name())
        };
        let name = self.tree.nodes().map(|node| indented(node).len()).max().unwrap_or(0).max(7);
        writeln!(
            output,
            "\n{:name$}  {:9}  {:>8}  {:>6}  {:>6}  {:>10}  {:>7}",
            "task", "metric", "majority", "before", "after", "parameters", "seconds"
        )?;
        for node in self.tree.nodes().skip(1) {
            match node.task() {
                None => self.means(output, &format!("{:name$}", indented(node)), node.index())?,
                Some(task) => {
                    let row = &self.rows[task];
                    writeln!(
                        output,
                        "{:name$}  {:9}  {:8.1}  {:6.1}  {:6.1}  {:10.0}  {:7.1}",
                        indented(node),
                        row.metric,
                        100.0 * row.majority,
                        100.0 * row.before,
                        100.0 * row.after,
                        row.parameters,
                        row.seconds
                    )?;
                }
            }
        }
        self.means(output, &format!("{:name$}", "average"), NodeIndex::ROOT)
    }

    fn means(&self, output: &mut impl Write, name: &str, node: NodeIndex) -> Result<()> {
        writeln!(
            output,
            "{name}  {:9}  {:8.1}  {:6.1}  {:6.1}",
            "",
            self.mean(node, |row| row.majority),
            self.mean(node, |row| row.before),
            self.mean(node, |row| row.after)
        )?;
        Ok(())
    }

    /// Prints the mean over the tasks below a node, in percent.
    fn mean(&self, node: NodeIndex, value: fn(&Row) -> f64) -> f64 {
        let tasks = self.tree.tasks_below(node);
        let sum: f64 = tasks.iter().map(|&task| value(&self.rows[task])).sum();
        100.0 * sum / tasks.len().max(1) as f64
    }

    /// Prints the summary.
    pub fn words(&self, output: &mut impl Write) -> Result<()> {
        let gain = |task: &usize| self.rows[*task].after - self.rows[*task].majority;
        let of = |task: usize| {
            let Row { majority, after, .. } = self.rows[task];
            let name = self.tree.node(self.tree.node_of_task(task)).path();
            format!("{name} ({:.1}, majority {:.1})", 100.0 * after, 100.0 * majority)
        };
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
        let above = order.iter().filter(|task| gain(task) > 0.05).count();
        let root = NodeIndex::ROOT;
        writeln!(
            output,
            "\nIn {:.0} seconds, {} trainable parameters ({:.2} % of the {} frozen ones) were trained on {} tasks.\n\
             Test average: {:.1} before training, {:.1} after; majority baseline {:.1}.\n\
             {above} of {} tasks are more than 5 points above the majority baseline.",
            self.seconds,
            grouped(self.trained),
            100.0 * self.trained as f64 / self.frozen as f64,
            grouped(self.frozen),
            self.rows.len(),
            self.mean(root, |row| row.before),
            self.mean(root, |row| row.after),
            self.mean(root, |row| row.majority),
            self.rows.len(),
        )?;
        if let [most, .., least] = order[..] {
            writeln!(output, "Largest gain: {}; smallest: {}.", of(most), of(least))?;
        }
        writeln!(
            output,
            "The prompts are from step {} of {}, the best on dev rows, which are not in the table.",
            self.step, self.steps
        )?;
        if !self.unchanged {
            return Err("the frozen model changed during training: please report this".into());
        }
        writeln!(output, "The model is bit-identical to before training.")?;
        Ok(())
    }
}

/// Classifies handwritten sentences and prints which predictions are correct.
pub fn written(output: &mut impl Write, model: &Model, prompts: &Prompts) -> Result<()> {
    let predictor = Predictor::new(model.t5.get(), prompts, &model.tokenizer)?;
    let written = made_tasks::written();
    writeln!(output, "\nHandwritten sentences with the prompts of both tasks of their group:")?;
    let mut asked = "";
    let mut right = 0;
    for Written { task, text, label } in &written {
        if *text != asked {
            writeln!(output, "  {text}")?;
            asked = text;
        }
        let answers = predictor.predict(task, [text])?;
        let answer = answers.first().map_or("", Answer::as_str);
        let is_right = answer == *label;
        right += usize::from(is_right);
        let verdict = if is_right { "correct".into() } else { format!("wrong, expected {label}") };
        writeln!(output, "    {task:18}  {answer:10}  {verdict}")?;
    }
    writeln!(output, "{right} of {} predictions are correct.", written.len())?;
    Ok(())
}

//! What came of it: a table in the form of the tree, answers to sentences that a person wrote, and a paragraph in words.

use std::io::Write;

use mtpt::infer::Prompts;
use mtpt::tasks::{Node, NodeIndex, TaskTree};
use mtpt_examples::Result;
use mtpt_examples::answering::Answering;
use mtpt_examples::made_tasks::{self, Written};
use mtpt_examples::model::Model;
use mtpt_examples::terminal::grouped;

/// What was found for a task; metrics are fractions.
pub struct Row {
    pub metric: &'static str,
    pub majority: f64,
    pub before: f64,
    pub after: f64,
    /// Trained numbers for each task, the shared ones divided among them.
    pub parameters: f64,
    /// Share of the time of training.
    pub seconds: f64,
}

/// What was found for all tasks, and how.
pub struct Report<'a> {
    pub tree: &'a TaskTree,
    /// In the order of the tasks' positions.
    pub rows: Vec<Row>,
    /// The step whose prompts were kept.
    pub step: usize,
    pub steps: usize,
    /// Numbers that were learned.
    pub trained: usize,
    /// Numbers of the model.
    pub frozen: usize,
    /// Whether every bit of the model is as it was.
    pub unchanged: bool,
    /// Of everything, from the model's loading on.
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

    /// Mean over the tasks below a node, in percent.
    fn mean(&self, node: NodeIndex, value: fn(&Row) -> f64) -> f64 {
        let tasks = self.tree.tasks_below(node);
        let sum: f64 = tasks.iter().map(|&task| value(&self.rows[task])).sum();
        100.0 * sum / tasks.len().max(1) as f64
    }

    /// Says what was learned.
    pub fn words(&self, output: &mut impl Write) -> Result<()> {
        let gain = |task: &usize| self.rows[*task].after - self.rows[*task].majority;
        let of = |task: usize| {
            let Row { majority, after, .. } = self.rows[task];
            let name = self.tree.node(self.tree.node_of_task(task)).path();
            format!("{name} ({:.1} instead of {:.1})", 100.0 * after, 100.0 * majority)
        };
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
        let above = order.iter().filter(|task| gain(task) > 0.05).count();
        let root = NodeIndex::ROOT;
        writeln!(
            output,
            "\nIn {:.0} seconds, {} numbers ({:.2} % of the {} that stay frozen) learned {} tasks. On rows that were not learned from,\n\
             the untrained prompts gave {:.1} on average, the learned ones give {:.1}; the most frequent label alone is worth {:.1}.\n\
             {above} of {} tasks stand more than 5 points above the majority baseline.",
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
            writeln!(output, "Most was learned in {}, least in {}.", of(most), of(least))?;
        }
        writeln!(
            output,
            "The prompts are those of step {} of {}: the best on development rows, which are neither learned from nor in the table.",
            self.step, self.steps
        )?;
        if !self.unchanged {
            return Err(
                "the frozen model has changed while prompts were learned: please report this"
                    .into(),
            );
        }
        writeln!(output, "The model itself was compared bit by bit: it is as it was.")?;
        Ok(())
    }
}

/// Answers sentences that a person wrote, and says which answers are right.
pub fn written(output: &mut impl Write, model: &Model, prompts: &Prompts) -> Result<()> {
    let answering = Answering::new(model, prompts)?;
    let written = made_tasks::written();
    writeln!(
        output,
        "\nSentences that a person wrote, under the prompts of both tasks of their group:"
    )?;
    let mut asked = "";
    let mut right = 0;
    for Written { task, text, label } in &written {
        if *text != asked {
            writeln!(output, "  {text}")?;
            asked = text;
        }
        let answers = answering.answer(prompts.find(task)?, &[text])?;
        let answer = answers.first().map_or("", |answer| &answer.label);
        let is_right = answer == *label;
        right += usize::from(is_right);
        let verdict = if is_right { "right".into() } else { format!("wrong, it is {label}") };
        writeln!(output, "    {task:18}  {answer:10}  {verdict}")?;
    }
    writeln!(output, "{right} of {} answers are right.", written.len())?;
    Ok(())
}

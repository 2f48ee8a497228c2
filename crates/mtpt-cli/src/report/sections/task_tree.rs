//! The task tree with the parameters of each node.

use crate::number_format::{percent, thousands};
use crate::report::components::paragraph;
use crate::report::data::parameter_tree::{NodeKind, ParameterNode, ParameterTree};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::prose::Prose;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Some(tree) = data.tree.as_ref().filter(|tree| tree.sum() > 0) else { return };
    paragraph(html, "muted", &introduction(data, tree));
    html.element("div", &[("class", "card")], |html| {
        write_shares(tree, html);
        html.element("ul", &[("class", "tree")], |html| {
            write_siblings(&tree.nodes, tree, html);
        });
    });
    html.line();
}

fn introduction(data: &ReportData<'_>, tree: &ParameterTree) -> Prose {
    let strategy = data.run.header.as_ref().map(|header| header.composition.name());
    let sum = tree.sum();
    Prose::default().text("The composition ").name(strategy.unwrap_or_default()).text(format!(
        " has {} trainable parameters. The bars show the share of each node: of all tasks, of \
             a group of tasks, or of one task.",
        thousands(sum)
    ))
}

/// Writes the shares of all nodes of each kind as one bar, with a legend.
fn write_shares(tree: &ParameterTree, html: &mut Html) {
    let kinds = NodeKind::ALL.map(|kind| (kind, tree.total(kind)));
    let kinds: Vec<(NodeKind, usize)> = kinds.into_iter().filter(|(_, count)| *count > 0).collect();
    html.element("div", &[("class", "bar")], |html| {
        for &(kind, count) in &kinds {
            write_bar(kind, count, tree.sum(), html);
        }
    });
    html.element("p", &[("class", "legend")], |html| {
        for (kind, count) in kinds {
            html.element("span", &[], |html| {
                html.leaf("i", &[("class", color(kind))], "");
                let name = match kind {
                    NodeKind::Shared => "shared by all tasks",
                    NodeKind::Group => "shared within groups",
                    NodeKind::Task => "task-specific",
                };
                let share = percent(count, tree.sum());
                html.text(&format!("{name}: {} ({share})", thousands(count)));
            });
            html.text(" ");
        }
    });
}

/// Writes nodes of the same depth, each with the nodes below it.
fn write_siblings(nodes: &[ParameterNode], tree: &ParameterTree, html: &mut Html) {
    let Some(depth) = nodes.first().map(|node| node.depth) else { return };
    let starts = (0..nodes.len()).filter(|&place| nodes[place].depth == depth);
    let starts: Vec<usize> = starts.chain([nodes.len()]).collect();
    for pair in starts.windows(2) {
        let (node, below) = (&nodes[pair[0]], &nodes[pair[0] + 1..pair[1]]);
        html.element("li", &[], |html| {
            write_node(node, tree, html);
            if !below.is_empty() {
                html.element("ul", &[], |html| write_siblings(below, tree, html));
            }
        });
        html.line();
    }
}

fn write_node(node: &ParameterNode, tree: &ParameterTree, html: &mut Html) {
    html.element("div", &[("class", "node")], |html| {
        html.element("div", &[], |html| {
            html.leaf("strong", &[], &node.name);
            html.text(" ");
            html.leaf("small", &[], &node.strategy);
        });
        html.element("div", &[("class", "bar")], |html| {
            write_bar(node.kind, node.parameters, tree.sum(), html);
        });
        let share = percent(node.parameters, tree.sum());
        let amount = format!("{} ({share})", thousands(node.parameters));
        html.leaf("div", &[("class", "amount")], &amount);
    });
}

fn write_bar(kind: NodeKind, count: usize, sum: usize, html: &mut Html) {
    let width = format!("width:{:.2}%", 100.0 * count as f64 / sum.max(1) as f64);
    html.leaf("i", &[("class", color(kind)), ("style", &width)], "");
}

fn color(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Shared => "s0",
        NodeKind::Group => "s2",
        NodeKind::Task => "s1",
    }
}

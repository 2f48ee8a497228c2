//! What the prompts came to: how alike they are, how they are mixed, and which words they are near to.

use super::html::Html;
use super::mixture::Mixtures;
use super::nearest::NearestToken;
use super::page::{Nearest, Report, head_row, section, table};

pub(super) fn write(report: &Report<'_>, html: &mut Html) {
    let tasks = report.tasks();
    if let Some(similarity) = &report.similarity {
        section(html, "similarity", "How alike the prompts are", |html| {
            if similarity.of_means.len() < 2 {
                html.leaf("p", &[], "There is one prompt alone, and nothing to compare it with.");
                return;
            }
            let mut text = "Cosines of the composed prompts of each pair of tasks: 1 for the same direction, 0 for none in \
                            common. Prompts of tasks that share a part begin alike."
                .to_owned();
            if report.reads_inputs() {
                text.push_str(" These prompts depend on the input; compared are those in front of an input that says nothing.");
            }
            html.leaf("p", &[], &text);
            let of_means = "Cosines of the mean vectors of the prompts";
            heat_map(html, of_means, &tasks, &similarity.of_means);
            html.element("details", &[], |html| {
                html.leaf("summary", &[], "The same of the whole prompts, position by position");
                let of_prompts = "Cosines of the whole prompts";
                heat_map(html, of_prompts, &tasks, &similarity.of_prompts);
            });
        });
    }
    mixtures(&report.mixtures, html);
    section(html, "nearest", "Nearest tokens", |html| match &report.nearest {
        Nearest::Unknown(reason) => html.leaf("p", &[], reason),
        Nearest::Tokens { model, of_tasks } => nearest(model, &tasks, of_tasks, html),
    });
}

impl Report<'_> {
    fn reads_inputs(&self) -> bool {
        use mtpt::core::Compose;
        self.files.prompts.as_ref().is_some_and(|prompts| prompts.composition().reads_inputs())
    }
}

/// A table of cosines whose cells are shaded by them.
fn heat_map(html: &mut Html, caption: &str, names: &[&str], cosines: &[Vec<f64>]) {
    table(html, caption, |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                html.leaf("th", &[("scope", "col")], "Task");
                for name in names.iter().take(cosines.len()) {
                    let attributes = [("scope", "col"), ("class", "upright"), ("title", *name)];
                    html.leaf("th", &attributes, name);
                }
            });
        });
        html.element("tbody", &[], |html| {
            for (name, row) in names.iter().zip(cosines) {
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", "row"), ("title", name)], name);
                    row.iter().for_each(|&cosine| shaded(html, cosine));
                });
                html.line();
            }
        });
    });
}

/// A cell with a number between -1 and 1.
fn shaded(html: &mut Html, value: f64) {
    let colour = if value < 0.0 { "217,114,43" } else { "59,130,196" };
    let style = format!("background:rgba({colour},{:.2})", 0.8 * value.abs().min(1.0));
    html.element("td", &[("class", "shade"), ("style", &style)], |html| {
        html.leaf("data", &[("value", &value.to_string())], &format!("{value:.2}"));
    });
}

fn mixtures(mixtures: &Mixtures, html: &mut Html) {
    let Mixtures { shares, heads, inputs, attends_own } = mixtures;
    if shares.is_empty() && heads.is_empty() && inputs.is_empty() {
        return;
    }
    section(html, "mixture", "How the prompts are mixed", |html| {
        if !shares.is_empty() {
            table(
                html,
                "Shares of the prompt above, which is the shared one or that of the group, and of the part's own",
                |html| {
                    head_row(html, &["Task or group", "Above", "Own"]);
                    html.element("tbody", &[], |html| {
                        for (name, above, own) in shares {
                            row_of_shares(html, name, &[*above, *own]);
                        }
                    });
                },
            );
        }
        if !heads.is_empty() {
            let components = heads.iter().flat_map(|(_, heads)| heads.iter().map(Vec::len)).max();
            let names = component_names(components.unwrap_or(0), false);
            let caption = "Shares of the components that each head of the attention finds, means over positions";
            table(html, caption, |html| {
                head_row(html, &names.iter().map(String::as_str).collect::<Vec<_>>());
                html.element("tbody", &[], |html| {
                    for (name, heads) in heads {
                        for (number, head) in (1..).zip(heads) {
                            row_of_shares(html, &format!("{name}, head {number}"), head);
                        }
                    }
                });
            });
        }
        if !inputs.is_empty() {
            let columns = inputs.iter().map(|(_, shares, _)| shares.len()).max().unwrap_or(0);
            let names = component_names(columns, *attends_own);
            let caption =
                "Shares of the components that inputs choose, means over the first rows of dev";
            table(html, caption, |html| {
                head_row(html, &names.iter().map(String::as_str).collect::<Vec<_>>());
                html.element("tbody", &[], |html| {
                    for (name, shares, rows) in inputs {
                        row_of_shares(html, &format!("{name}, {rows} rows"), shares);
                    }
                });
            });
        }
    });
}

/// The heads of a table of components.
fn component_names(count: usize, last_is_own: bool) -> Vec<String> {
    let name = |number| match last_is_own && number == count {
        true => "Own".to_owned(),
        false => format!("Component {number}"),
    };
    ["Task or group".to_owned()].into_iter().chain((1..=count).map(name)).collect()
}

fn row_of_shares(html: &mut Html, name: &str, shares: &[f64]) {
    html.element("tr", &[], |html| {
        html.leaf("th", &[("scope", "row"), ("title", name)], name);
        shares.iter().for_each(|&share| shaded(html, share));
    });
    html.line();
}

fn nearest(model: &str, tasks: &[&str], of_tasks: &[Vec<NearestToken>], html: &mut Html) {
    let shown = of_tasks.iter().map(Vec::len).max().unwrap_or(0);
    html.element("p", &[], |html| {
        html.text(&format!(
            "For the first {shown} vectors of each prompt, the token of the vocabulary of "
        ));
        html.leaf("code", &[], model);
        html.text(
            " whose embedding has the highest cosine with it, and that cosine. A low one means that the vector is near to no \
             token, which is usual after many steps at a high rate.",
        );
    });
    table(html, "Nearest token of each vector, and its cosine", |html| {
        let positions: Vec<String> = (1..=shown).map(|position| position.to_string()).collect();
        let names: Vec<&str> =
            ["Task"].into_iter().chain(positions.iter().map(String::as_str)).collect();
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for (task, tokens) in tasks.iter().zip(of_tasks) {
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", "row"), ("title", task)], task);
                    for NearestToken { token, cosine } in tokens {
                        html.element("td", &[("class", "number")], |html| {
                            html.leaf("code", &[], token);
                            html.empty("br", &[]);
                            html.element("small", &[], |html| {
                                html.leaf(
                                    "data",
                                    &[("value", &cosine.to_string())],
                                    &format!("{cosine:.2}"),
                                );
                            });
                        });
                    }
                });
                html.line();
            }
        });
    });
}

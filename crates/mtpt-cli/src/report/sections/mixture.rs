//! The weights by which prompts are mixed.

use crate::report::components::{head_row, section, shaded_cell, table};
use crate::report::data::mixture::Mixtures;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Mixtures { parent_and_own, heads, by_input, attends_own } = &data.mixtures;
    if parent_and_own.is_empty() && heads.is_empty() && by_input.is_empty() {
        return;
    }
    section(html, "mixture", "Prompt mixture", |html| {
        if !parent_and_own.is_empty() {
            write_parent_and_own(parent_and_own, html);
        }
        if !heads.is_empty() {
            write_heads(heads, html);
        }
        if !by_input.is_empty() {
            write_by_input(by_input, *attends_own, html);
        }
    });
}

fn write_parent_and_own(weights: &[(String, f64, f64)], html: &mut Html) {
    let caption = "Weights of the parent's prompt (shared or of the group) and of the own part";
    table(html, caption, |html| {
        head_row(html, &["Task or group", "Parent", "Own"]);
        html.element("tbody", &[], |html| {
            for (name, parent, own) in weights {
                write_row(html, name, &[*parent, *own]);
            }
        });
    });
}

fn write_heads(weights: &[(String, Vec<Vec<f64>>)], html: &mut Html) {
    let components = weights.iter().flat_map(|(_, heads)| heads.iter().map(Vec::len)).max();
    let caption = "Component weights of each attention head, averaged over positions";
    table(html, caption, |html| {
        write_component_names(html, components.unwrap_or(0), false);
        html.element("tbody", &[], |html| {
            for (name, heads) in weights {
                for (number, head) in (1..).zip(heads) {
                    write_row(html, &format!("{name}, head {number}"), head);
                }
            }
        });
    });
}

fn write_by_input(weights: &[(String, Vec<f64>, usize)], attends_own: bool, html: &mut Html) {
    let components = weights.iter().map(|(_, weights, _)| weights.len()).max();
    let caption = "Component weights by input, averaged over the first rows of dev";
    table(html, caption, |html| {
        write_component_names(html, components.unwrap_or(0), attends_own);
        html.element("tbody", &[], |html| {
            for (name, weights, rows) in weights {
                write_row(html, &format!("{name}, {rows} rows"), weights);
            }
        });
    });
}

fn write_component_names(html: &mut Html, count: usize, last_is_own: bool) {
    let name = |number| match last_is_own && number == count {
        true => "Own".to_owned(),
        false => format!("Component {number}"),
    };
    let components: Vec<String> = (1..=count).map(name).collect();
    let first = ["Task or group"];
    let names: Vec<&str> = first.into_iter().chain(components.iter().map(String::as_str)).collect();
    head_row(html, &names);
}

fn write_row(html: &mut Html, name: &str, weights: &[f64]) {
    html.element("tr", &[], |html| {
        html.leaf("th", &[("scope", "row"), ("title", name)], name);
        weights.iter().for_each(|&weight| shaded_cell(html, weight));
    });
    html.line();
}

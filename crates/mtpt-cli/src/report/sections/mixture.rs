//! The weights by which prompts are mixed.

use crate::report::components::{head_row, paragraph, row, shaded_cell, table};
use crate::report::data::mixture::Mixtures;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::prose::Prose;

/// Maximum number of tasks that are described in words.
const IN_WORDS: usize = 12;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Mixtures { parent_and_own, heads, by_input, .. } = &data.mixtures;
    if !parent_and_own.is_empty() {
        write_parent_and_own(parent_and_own, html);
    }
    if !heads.is_empty() {
        write_heads(&data.mixtures, html);
    }
    if !by_input.is_empty() {
        write_by_input(&data.mixtures, html);
    }
}

fn write_parent_and_own(weights: &[(String, f64, f64)], html: &mut Html) {
    let mut words = Prose::default();
    for (name, parent, own) in weights.iter().take(IN_WORDS) {
        words = words.name(name).text(match parent >= own {
            true => format!(" takes {} from the prompt above it. ", percent(*parent)),
            false => format!(" takes {} from its own part. ", percent(*own)),
        });
    }
    paragraph(html, "muted", &words);
    let caption = "Weights of the prompt above, which is the shared one or that of the group, and \
                   of the own part";
    table(html, caption, |html| {
        head_row(html, &["Task or group", "Prompt above", "Own part"]);
        html.element("tbody", &[], |html| {
            for (name, parent, own) in weights {
                write_row(html, name, &[*parent, *own]);
            }
        });
    });
}

fn write_heads(mixtures: &Mixtures, html: &mut Html) {
    let means: Vec<(String, Vec<f64>)> = mixtures
        .heads
        .iter()
        .map(|(name, heads)| {
            let count = heads.iter().map(Vec::len).max().unwrap_or(0);
            let mean = |source: usize| {
                heads.iter().filter_map(|head| head.get(source)).sum::<f64>() / heads.len() as f64
            };
            (name.clone(), (0..count).map(mean).collect())
        })
        .collect();
    let count = means.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0);
    let sources = source_names(mixtures, count, false);
    write_strongest(&means, &sources, html);
    if mixtures.heads.iter().any(|(_, heads)| heads.len() > 1) {
        let caption = "Weights of the sources (columns) for each task or group (rows), averaged \
                       over the attention heads and positions";
        write_matrix(html, caption, &sources, &means);
        html.element("details", &[], |html| {
            html.leaf("summary", &[], "Weights of each attention head");
            write_matrix(html, "", &sources, &by_head(&mixtures.heads));
        });
    } else {
        let caption = "Weights of the sources (columns) for each task or group (rows), averaged \
                       over positions";
        write_matrix(html, caption, &sources, &means);
    }
}

fn by_head(heads: &[(String, Vec<Vec<f64>>)]) -> Vec<(String, Vec<f64>)> {
    let heads = heads.iter().flat_map(|(name, heads)| {
        (1..)
            .zip(heads)
            .map(move |(number, head): (usize, _)| (format!("{name}, head {number}"), head.clone()))
    });
    heads.collect()
}

fn write_by_input(mixtures: &Mixtures, html: &mut Html) {
    let count = mixtures.by_input.iter().map(|(_, weights, _)| weights.len()).max().unwrap_or(0);
    let sources = source_names(mixtures, count, mixtures.attends_own);
    let weights: Vec<(String, Vec<f64>)> = mixtures
        .by_input
        .iter()
        .map(|(name, weights, _)| (name.clone(), weights.clone()))
        .collect();
    write_strongest(&weights, &sources, html);
    let rows = mixtures.by_input.iter().map(|(_, _, rows)| *rows).max().unwrap_or(0);
    let caption = format!(
        "Weights of the sources (columns) for each target (rows), averaged over the first {rows} \
         rows of dev"
    );
    write_matrix(html, &caption, &sources, &weights);
}

/// Describes which source has the highest weight for each target.
fn write_strongest(targets: &[(String, Vec<f64>)], sources: &[String], html: &mut Html) {
    let even = 1.0 / sources.len().max(1) as f64;
    let mut words = Prose::default();
    for (name, weights) in targets.iter().take(IN_WORDS) {
        let strongest =
            weights.iter().enumerate().max_by(|first, second| first.1.total_cmp(second.1));
        let Some((source, weight)) = strongest else { continue };
        words = match *weight < 1.2 * even {
            true => words.name(name).text(" draws about equally on all sources. "),
            false => words
                .name(name)
                .text(" draws most on ")
                .name(&sources[source])
                .text(format!(" ({}). ", percent(*weight))),
        };
    }
    words =
        words.text(format!("With {} sources, an even share is {}.", sources.len(), percent(even)));
    paragraph(html, "muted", &words);
}

fn write_matrix(
    html: &mut Html,
    caption: &str,
    sources: &[String],
    targets: &[(String, Vec<f64>)],
) {
    table(html, caption, |html| {
        let names = ["Task or group"].into_iter().chain(sources.iter().map(String::as_str));
        head_row(html, &names.collect::<Vec<_>>());
        html.element("tbody", &[], |html| {
            for (name, weights) in targets {
                write_row(html, name, weights);
            }
        });
    });
}

fn source_names(mixtures: &Mixtures, count: usize, last_is_own: bool) -> Vec<String> {
    let name = |place: usize| match mixtures.components.get(place) {
        _ if last_is_own && place + 1 == count => "own prompt".to_owned(),
        Some(Some(name)) => name.clone(),
        _ => format!("component {}", place + 1),
    };
    (0..count).map(name).collect()
}

fn write_row(html: &mut Html, name: &str, weights: &[f64]) {
    row(html, name, |html| {
        weights.iter().for_each(|&weight| shaded_cell(html, weight, &format!("{weight:.2}")));
    });
}

fn percent(weight: f64) -> String {
    format!("{:.0} %", 100.0 * weight)
}

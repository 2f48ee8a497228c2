//! The vocabulary tokens that are nearest to the vectors of the prompts.

use crate::report::components::{head_row, number, row, table};
use crate::report::data::nearest_tokens::NearestToken;
use crate::report::data::report_data::{NearestTokens, ReportData};
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.header.is_none() {
        return;
    }
    match &data.nearest {
        NearestTokens::Unknown(reason) => html.leaf("p", &[("class", "muted")], reason),
        NearestTokens::Known { model, tasks } => {
            let shown = tasks.iter().map(Vec::len).max().unwrap_or(0);
            write_introduction(html, model, shown);
            write_table(html, &data.tasks(), tasks, shown);
        }
    }
}

fn write_introduction(html: &mut Html, model: &str, shown: usize) {
    let vectors = match shown {
        1 => "the first vector".to_owned(),
        _ => format!("the first {shown} vectors"),
    };
    html.element("p", &[("class", "muted")], |html| {
        html.text(&format!(
            "For {vectors} of each prompt: the token in the vocabulary of "
        ));
        html.leaf("code", &[], model);
        html.text(
            " whose embedding has the highest cosine similarity to the vector, and that similarity. \
             A low value means that the vector is not near any token, which is common after many \
             steps at a high learning rate.",
        );
    });
}

fn write_table(html: &mut Html, names: &[&str], tasks: &[Vec<NearestToken>], shown: usize) {
    table(html, "Nearest token of each vector, and its cosine similarity", |html| {
        let positions: Vec<String> = (1..=shown).map(|position| position.to_string()).collect();
        let head = ["Task"].into_iter().chain(positions.iter().map(String::as_str));
        head_row(html, &head.collect::<Vec<_>>());
        html.element("tbody", &[], |html| {
            for (name, tokens) in names.iter().zip(tasks) {
                row(html, name, |html| tokens.iter().for_each(|token| write_token(html, token)));
            }
        });
    });
}

fn write_token(html: &mut Html, NearestToken { token, cosine }: &NearestToken) {
    html.element("td", &[("class", "number")], |html| {
        html.leaf("code", &[], token);
        html.empty("br", &[]);
        html.element("small", &[], |html| number(html, *cosine, &format!("{cosine:.2}")));
    });
}

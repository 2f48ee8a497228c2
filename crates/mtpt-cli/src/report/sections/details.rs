//! The model, the prompts and the start of the run.

use crate::number_format::{counted, measured_time, thousands};
use crate::report::components::{head_row, item, row, table, text_cell};
use crate::report::data::report_data::ReportData;
use crate::report::data::session_time::{as_text, duration, time};
use crate::report::data::strategy_words::strategy_words;
use crate::report::html::Html;
use crate::run_files::record::SessionRecord;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.config.is_none() && data.run.header.is_none() && data.run.sessions.is_empty() {
        return;
    }
    html.element("div", &[("class", "card")], |html| {
        html.element("dl", &[("class", "facts")], |html| {
            write_settings(data, html);
            write_prompts(data, html);
            write_session(&data.run.sessions, html);
        });
    });
    html.line();
    if data.run.sessions.len() > 1 {
        write_sessions(&data.run.sessions, html);
    }
}

fn write_settings(data: &ReportData<'_>, html: &mut Html) {
    let settings = data.run.config.as_ref().map(|config| &config.settings);
    let configured = settings.map(|settings| &settings.model).filter(|model| !model.is_empty());
    let recorded = data.run.header.as_ref().map(|header| &header.model);
    if let Some(model) = configured.or(recorded).filter(|model| !model.is_empty()) {
        item(html, "Model", |html| html.leaf("code", &[], model));
    }
    if let Some(settings) = settings {
        item(html, "Seed", |html| html.text(&settings.seed.to_string()));
    }
}

fn write_prompts(data: &ReportData<'_>, html: &mut Html) {
    let Some(header) = &data.run.header else { return };
    item(html, "Composition", |html| {
        html.leaf("code", &[], header.composition.name());
        html.text(&format!(": {}", strategy_words(&header.composition, "the shared prompt")));
    });
    item(html, "Shared prompt", |html| {
        let vectors = counted(header.length, "vector");
        let decoder = match header.decoder_length {
            0 => String::new(),
            length => format!(" and {} for the decoder,", counted(length, "vector")),
        };
        html.text(&format!("{vectors}{decoder} of width {}", thousands(header.d_model)));
    });
    if header.steps > 0 {
        item(html, "Saved prompts", |html| {
            html.text(&format!("from step {}", thousands(header.steps)));
        });
    }
}

/// Writes when and how the run was started; of several sessions, the last one.
fn write_session(sessions: &[SessionRecord], html: &mut Html) {
    let (Some(first), Some(last)) = (sessions.first(), sessions.last()) else { return };
    if let Some(started) = time(&first.started) {
        item(html, "Started", |html| html.text(&as_text(started)));
    }
    if let Some(ended) = last.ended.as_deref().and_then(time) {
        item(html, "Ended", |html| html.text(&as_text(ended)));
    }
    let durations: Vec<f64> = sessions.iter().filter_map(duration).collect();
    if durations.len() == sessions.len() {
        let name = if sessions.len() == 1 { "Duration" } else { "Duration of all sessions" };
        item(html, name, |html| html.text(&measured_time(durations.iter().sum())));
    }
    item(html, "Device", |html| html.text(&last.device));
    item(html, "mtpt version", |html| html.text(&last.version));
    html.element("div", &[("class", "wide")], |html| {
        html.leaf("dt", &[], "Command");
        html.element("dd", &[], |html| {
            html.leaf("code", &[], &last.command_line());
            if !last.directory.is_empty() {
                html.text(" in ");
                html.leaf("code", &[], &last.directory);
            }
        });
    });
}

fn write_sessions(sessions: &[SessionRecord], html: &mut Html) {
    let caption = "The run was resumed: processes that worked on it";
    table(html, caption, |html| {
        head_row(html, &["Started", "Duration", "Steps", "End", "Device", "Version"]);
        html.element("tbody", &[], |html| {
            for session in sessions {
                let started = time(&session.started);
                let started = started.map_or_else(|| "unknown".to_owned(), as_text);
                row(html, &started, |html| {
                    let duration = duration(session).map(measured_time);
                    text_cell(html, duration.as_deref().unwrap_or("–"));
                    let first = thousands(session.first_step + 1);
                    let steps = match session.last_step {
                        Some(last) if last <= session.first_step => "none".to_owned(),
                        Some(last) => format!("{first} to {}", thousands(last)),
                        None => format!("from {first}"),
                    };
                    text_cell(html, &steps);
                    text_cell(html, session.end.as_deref().unwrap_or("not recorded"));
                    text_cell(html, &session.device);
                    text_cell(html, &session.version);
                });
            }
        });
    });
}

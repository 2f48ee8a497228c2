use crate::report::data::comparison::Comparison;
use crate::report::html::Html;
use crate::report::sections::missing::write_list;
use crate::run_files::record::SessionRecord;

pub(super) fn write(comparison: &Comparison<'_>, html: &mut Html) {
    write_list(&sentences(comparison), html);
}

fn sentences(comparison: &Comparison<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for run in &comparison.runs {
        let name = &run.run.name;
        let (done, steps) = (run.run.history.steps_done(), run.run.steps());
        if run.run.has_stages && run.best.is_none() {
            sentences.push(format!("`{name}` consists of stages; its report lists their results."));
        } else if run.best.is_none() {
            sentences.push(format!("`{name}` has not been evaluated on dev, so it has no score."));
        }
        if let Some(message) = run.run.sessions.last().and_then(SessionRecord::failure) {
            sentences.push(format!("`{name}` failed at step {done} of {steps}: {message}."));
        } else if !run.run.is_over && !run.run.has_stages {
            sentences.push(format!(
                "`{name}` is in progress or was interrupted, at step {done} of {steps}. Its values \
                 may change."
            ));
        }
        if run.link.is_none() {
            sentences
                .push(format!("`{name}` has no report. `mtpt report` on its folder writes it."));
        }
    }
    for (name, reason) in comparison.unreadable {
        sentences.push(format!("`{name}` cannot be read: {reason}."));
    }
    sentences
}

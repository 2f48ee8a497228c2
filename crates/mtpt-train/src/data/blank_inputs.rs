use mtpt_infer::TaskData;
use mtpt_tasks::Split;

/// Returns a warning for each task with inputs whose fields are all blank.
pub(crate) fn blank_input_warnings(data: &[TaskData]) -> Vec<String> {
    let blank = data.iter().filter(|task| task.blank_inputs(Split::Train) > 0);
    let warning = |task: &TaskData| {
        let (blank, rows) = (task.blank_inputs(Split::Train), task.count(Split::Train));
        format!("task `{}`: {blank} of {rows} training inputs are blank", task.task().id())
    };
    blank.map(warning).collect()
}

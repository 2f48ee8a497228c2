//! The table at the end.

/// What was found for a task; metrics are fractions.
pub struct Row {
    pub task: String,
    pub metric: String,
    pub majority: f64,
    pub before: f64,
    pub after: f64,
    /// Trained numbers for each task, the shared ones divided among them.
    pub parameters: f64,
    /// Share of the time of training.
    pub seconds: f64,
}

/// Prints rows in columns, metrics in percent, and their means.
pub fn print(rows: &[Row]) {
    let name = rows.iter().map(|row| row.task.len()).max().unwrap_or(0).max(7);
    println!(
        "\n{:name$}  {:9}  {:>8}  {:>6}  {:>6}  {:>10}  {:>7}",
        "task", "metric", "majority", "before", "after", "parameters", "seconds"
    );
    for row in rows {
        println!(
            "{:name$}  {:9}  {:8.1}  {:6.1}  {:6.1}  {:10.0}  {:7.1}",
            row.task,
            row.metric,
            100.0 * row.majority,
            100.0 * row.before,
            100.0 * row.after,
            row.parameters,
            row.seconds
        );
    }
    let mean = |value: fn(&Row) -> f64| {
        100.0 * rows.iter().map(value).sum::<f64>() / rows.len().max(1) as f64
    };
    println!(
        "{:name$}  {:9}  {:8.1}  {:6.1}  {:6.1}",
        "average",
        "",
        mean(|row| row.majority),
        mean(|row| row.before),
        mean(|row| row.after)
    );
}

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;
use crate::run_files::history::Series;

/// A line chart over the steps of a run.
pub(crate) struct LineChart {
    pub(crate) title: String,
    /// Text for screen readers.
    pub(crate) description: String,
    pub(crate) quantity: Quantity,
    /// End of the horizontal axis, which starts at 0. All charts of a run have the same axis, so
    /// that they can be compared.
    pub(crate) last_step: usize,
    pub(crate) lines: Vec<Line>,
    /// Band behind the lines: step, lowest and highest value.
    pub(crate) band: Vec<(f64, f64, f64)>,
    /// Values to compare the lines with.
    pub(crate) levels: Vec<Level>,
    /// Step whose prompts were saved.
    pub(crate) selected: Option<usize>,
    /// Whether the vertical axis is logarithmic. All values must be positive then.
    pub(crate) logarithmic: bool,
}

/// A line of a [`LineChart`].
pub(crate) struct Line {
    pub(crate) name: String,
    /// Steps and values.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether the points are marked, because the values between them are unknown.
    pub(crate) dots: bool,
}

/// A value that is drawn as a horizontal line, such as a baseline.
pub(crate) struct Level {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
}

/// Number of colors of lines in the style sheet. Further lines are dashed.
const COLORS: usize = 8;

impl LineChart {
    /// Creates a chart of a run whose steps end at `last_step`.
    pub(crate) fn new(title: impl Into<String>, quantity: Quantity, last_step: usize) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            quantity,
            last_step,
            lines: Vec::new(),
            band: Vec::new(),
            levels: Vec::new(),
            selected: None,
            logarithmic: false,
        }
    }

    /// Adds a line of evaluations.
    pub(crate) fn add_evaluations(&mut self, name: impl Into<String>, series: &Series) {
        self.lines.push(Line { name: name.into(), points: points(series), dots: true });
    }

    /// Adds a smooth line.
    pub(crate) fn add_curve(&mut self, name: impl Into<String>, points: Vec<(f64, f64)>) {
        self.lines.push(Line { name: name.into(), points, dots: false });
    }
}

/// Returns the classes of the n-th line in the style sheet.
pub(crate) fn line_class(number: usize) -> String {
    let color = number % COLORS;
    match number / COLORS {
        0 => format!("s{color}"),
        _ => format!("s{color} dashed"),
    }
}

pub(crate) fn points(series: &Series) -> Vec<(f64, f64)> {
    series.iter().map(|&(step, value)| (step as f64, value)).collect()
}

/// Describes a series for screen readers.
pub(crate) fn in_words(series: &Series, quantity: Quantity) -> String {
    let (Some(&(first, from)), Some(&(last, to))) = (series.first(), series.last()) else {
        return "nothing yet".into();
    };
    let [from, to] = [from, to].map(|value| quantity.text(value));
    match first == last {
        true => format!("{from} at step {}", thousands(first)),
        false => {
            format!("from {from} at step {} to {to} at step {}", thousands(first), thousands(last))
        }
    }
}

use std::fmt::Write;

use crate::number_format::thousands;
use crate::report::chart::axis::{Axis, nice_step};
use crate::report::chart::level_labels::spread;
use crate::report::chart::line_chart::{Line, LineChart, line_class};
use crate::report::html::escaped;

/// Size of the drawing. It is shown at about this size, so that text is readable everywhere.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 240.0;
/// Lower end of the plot. Tick labels and the name of the axis are below it.
const BOTTOM: f64 = HEIGHT - 38.0;
/// Upper end of the plot. The label of the selected step is above it.
const TOP: f64 = 20.0;
/// Right end of the plot. A tick label may extend beyond it.
const RIGHT: f64 = WIDTH - 20.0;
/// Width of a digit.
const DIGIT: f64 = 7.2;
/// Lines with more points than this have no marks.
const MOST_DOTS: usize = 60;

/// The coordinates of a chart.
pub(super) struct Drawing {
    axis: Axis,
    left: f64,
    last_step: f64,
}

impl Drawing {
    pub(super) fn new(chart: &LineChart) -> Self {
        let values = chart.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
        let values: Vec<f64> = values.chain(chart.levels.iter().map(|level| level.value)).collect();
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        // An outlier in the band must not flatten the lines.
        let room = (high - low).max(1e-3 * high.abs()).max(1e-9);
        let band = chart.band.iter().flat_map(|&(_, lowest, highest)| [lowest, highest]);
        let near = band.filter(|value| (low - room..=high + room).contains(value));
        let near = near.filter(|value| !chart.logarithmic || *value > 0.0);
        let shown = finite().chain(near).map(|value| chart.quantity.shown(value));
        let axis = Axis::new(chart.quantity, shown, chart.logarithmic);
        let widest = axis.ticks.iter().map(|tick| axis.label(*tick).len()).max().unwrap_or(1);
        Self { axis, left: 14.0 + DIGIT * widest as f64, last_step: chart.last_step.max(1) as f64 }
    }

    /// Returns a remark on an axis that could be misread.
    pub(super) fn note(&self, chart: &LineChart) -> Option<String> {
        self.axis.note(chart.quantity)
    }

    /// Draws the chart as an `svg` element. Its colors are in the style sheet.
    pub(super) fn svg(&self, chart: &LineChart) -> String {
        let mut svg = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(&chart.description)
        );
        self.draw_axes(&mut svg);
        self.draw_band(chart, &mut svg);
        self.draw_levels(chart, &mut svg);
        if let Some(step) = chart.selected {
            self.draw_selected(step as f64, &mut svg);
        }
        for (number, line) in chart.lines.iter().enumerate() {
            self.draw_line(chart, number, line, &mut svg);
        }
        self.draw_level_names(chart, &mut svg);
        svg.push_str("</svg>");
        svg
    }

    fn x(&self, step: f64) -> f64 {
        self.left + (RIGHT - self.left) * (step / self.last_step).clamp(0.0, 1.0)
    }

    fn y(&self, chart: &LineChart, value: f64) -> f64 {
        self.height(self.axis.place(chart.quantity.shown(value)))
    }

    fn height(&self, place: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * place
    }

    fn draw_axes(&self, svg: &mut String) {
        let (mut lines, mut labels) = (String::new(), String::new());
        for &tick in &self.axis.ticks {
            let y = self.height(self.axis.place(tick));
            let _ = write!(lines, "M{:.1} {y:.1}H{RIGHT}", self.left);
            let (x, y, label) = (self.left - 7.0, y + 4.5, self.axis.label(tick));
            let _ = write!(labels, "<text class=\"y\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
        }
        let every = nice_step((self.last_step / 4.0).max(1.0));
        let count = (self.last_step / every + 1e-9).floor() as usize;
        for tick in 0..=count {
            let step = tick as f64 * every;
            let (x, label) = (self.x(step), thousands(step as usize));
            let y = BOTTOM + 17.0;
            let _ = write!(labels, "<text class=\"x\" x=\"{x:.1}\" y=\"{y}\">{label}</text>");
        }
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"{lines}\"/><path class=\"axis\" d=\"M{:.1} {BOTTOM}H{RIGHT}\"/>\
             {labels}<text class=\"name\" x=\"{RIGHT}\" y=\"{}\">step</text>",
            self.left,
            HEIGHT - 4.0
        );
    }

    fn draw_band(&self, chart: &LineChart, svg: &mut String) {
        if chart.band.len() < 2 {
            return;
        }
        let forward = chart.band.iter().map(|&(step, lowest, _)| (step, lowest));
        let backward = chart.band.iter().rev().map(|&(step, _, highest)| (step, highest));
        let outline = self.path(chart, forward.chain(backward));
        let _ = write!(svg, "<path class=\"band\" d=\"{outline}Z\"/>");
    }

    fn draw_levels(&self, chart: &LineChart, svg: &mut String) {
        for level in &chart.levels {
            let (y, value) = (self.y(chart, level.value), chart.quantity.number(level.value));
            let _ = write!(
                svg,
                "<g class=\"level\" data-name=\"{}\" data-value=\"{value}\"><path d=\"M{:.1} \
                 {y:.1}H{RIGHT}\"/></g>",
                level.name, self.left
            );
        }
    }

    /// Names the levels, on top of the lines.
    fn draw_level_names(&self, chart: &LineChart, svg: &mut String) {
        let wanted = chart.levels.iter().map(|level| self.y(chart, level.value) - 4.0);
        let labels = spread(&wanted.collect::<Vec<_>>(), TOP + 10.0, BOTTOM - 3.0);
        for (level, y) in chart.levels.iter().zip(labels) {
            let (x, value) = (RIGHT - 2.0, chart.quantity.number(level.value));
            let name = level.name;
            let _ =
                write!(svg, "<text class=\"level\" x=\"{x}\" y=\"{y:.1}\">{name} {value}</text>");
        }
    }

    fn draw_selected(&self, step: f64, svg: &mut String) {
        let x = self.x(step);
        // The label stays within the drawing.
        let anchor = match (x - self.left) / (RIGHT - self.left) {
            ..0.15 => "start",
            0.15..0.85 => "middle",
            _ => "end",
        };
        let _ = write!(
            svg,
            "<g class=\"selected\"><path d=\"M{x:.1} {TOP}V{BOTTOM}\"/><text x=\"{x:.1}\" \
             y=\"{}\" text-anchor=\"{anchor}\">saved: step {}</text></g>",
            TOP - 7.0,
            thousands(step as usize)
        );
    }

    fn draw_line(&self, chart: &LineChart, number: usize, line: &Line, svg: &mut String) {
        let class = line_class(number);
        let points: Vec<(f64, f64)> =
            line.points.iter().copied().filter(|(_, value)| value.is_finite()).collect();
        if points.is_empty() {
            return;
        }
        let list = |text: &dyn Fn(&(f64, f64)) -> String| -> String {
            points.iter().map(text).collect::<Vec<_>>().join(",")
        };
        let _ = write!(
            svg,
            "<path class=\"line {class}\" data-line=\"{number}\" data-name=\"{}\" \
             data-steps=\"{}\" data-values=\"{}\" d=\"{}\"/>",
            escaped(&line.name),
            list(&|(step, _)| step.round().to_string()),
            list(&|(_, value)| chart.quantity.number(*value)),
            self.path(chart, points.iter().copied())
        );
        // A line needs two points.
        if points.len() == 1 || (line.dots && points.len() <= MOST_DOTS) {
            let _ = write!(svg, "<g class=\"dots {class}\" data-line=\"{number}\">");
            for &(step, value) in &points {
                let _ = write!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\"><title>step {}: {}</title></circle>",
                    self.x(step),
                    self.y(chart, value),
                    thousands(step.round() as usize),
                    chart.quantity.text(value)
                );
            }
            svg.push_str("</g>");
        }
    }

    fn path(&self, chart: &LineChart, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (step, value) in points {
            let start = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{start}{:.1} {:.1}", self.x(step), self.y(chart, value));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use crate::report::chart::line_chart::Level;
    use crate::report::chart::quantity::Quantity;

    use super::*;

    fn chart(points: Vec<(f64, f64)>, logarithmic: bool) -> String {
        let band = points.iter().map(|&(step, value)| (step, value, value * 1.5)).collect();
        let mut chart = LineChart::new("Loss", Quantity::LOSS, 3);
        chart.description = "a <curve>".into();
        chart.band = band;
        chart.logarithmic = logarithmic;
        chart.selected = Some(3);
        chart.levels = vec![Level { name: "majority", value: 2.0 }];
        chart.lines = vec![Line { name: "\"dev\"".into(), points, dots: true }];
        Drawing::new(&chart).svg(&chart)
    }

    #[test]
    fn chart_is_an_svg_element_with_a_description() {
        for logarithmic in [false, true] {
            let svg = chart(vec![(1.0, 4.0), (2.0, 3.0), (3.0, 0.1)], logarithmic);
            assert!(svg.contains("role=\"img\" aria-label=\"a &lt;curve&gt;\">"), "{svg}");
            assert!(svg.ends_with("</svg>"), "{svg}");
            assert_eq!(svg.matches("<circle").count(), 3);
            assert!(svg.contains("data-name=\"&quot;dev&quot;\" data-steps=\"1,2,3\""), "{svg}");
            assert!(svg.contains("majority 2.0000") && svg.contains("saved: step 3"), "{svg}");
            assert!(svg.contains(">step</text>") && !svg.contains("http"), "{svg}");
        }
    }

    #[test]
    fn extreme_values_are_drawn() {
        for points in [
            vec![],
            vec![(5.0, 1.0)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, -3.0), (1e6, 1e30)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY)],
            vec![(1.0, f64::MAX), (2.0, f64::MIN_POSITIVE)],
        ] {
            for logarithmic in [false, true] {
                let svg = chart(points.clone(), logarithmic);
                assert!(svg.ends_with("</svg>") && !svg.contains("NaN"), "{points:?}: {svg}");
                assert!(!svg.contains("inf"), "{points:?}: {svg}");
            }
        }
    }
}

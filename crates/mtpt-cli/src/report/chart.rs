use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::number_format::{thousands, three_digits};
use crate::report::html::escaped;

/// A line chart over the steps of a run.
pub(super) struct Chart<'a> {
    /// Text for screen readers.
    pub(super) description: &'a str,
    /// End of the horizontal axis, which starts at 0. All charts of a run have the same axis, so
    /// that they can be compared.
    pub(super) last_step: usize,
    pub(super) lines: Vec<Line>,
    /// Band behind the lines: step, lowest and highest value.
    pub(super) band: Vec<(f64, f64, f64)>,
    /// Step that is marked by a vertical line.
    pub(super) marked: Option<usize>,
    /// Whether the vertical axis is logarithmic. All values must be positive then.
    pub(super) logarithmic: bool,
    /// Whether values are fractions, shown in percent.
    pub(super) percent: bool,
}

/// A line of a [`Chart`].
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    /// Whether the points are marked, because the values between them are unknown.
    pub(super) dots: bool,
}

/// Line colors, in order. They are distinguishable on white, on black, and by color-blind readers.
pub(super) const COLORS: [&str; 4] = ["#3B82C4", "#D9722B", "#2E9E73", "#B45CA8"];

/// Values beyond this are drawn at the edge, because an axis can't show them.
const LARGEST: f64 = 1e12;
/// Lower end of a logarithmic axis, as a fraction of the largest value.
const SMALLEST: f64 = 1e-9;
/// Larger than displayed, because coordinates are integers.
const SIZE: (u32, u32) = (960, 540);
const FONT: i32 = 40;

impl Chart<'_> {
    /// Draws the chart as an `svg` element. Its text and grid have the color of the surrounding
    /// text.
    pub(super) fn svg(&self) -> String {
        let drawn = self.draw();
        // Drawing to memory fails only for values that no axis can show.
        let svg = drawn.unwrap_or_default();
        let Some(inside) = svg.split_once('>').map(|(_, inside)| inside) else {
            return String::new();
        };
        let (width, height) = SIZE;
        let inside = inside.replace("\"#000000\"", "\"currentColor\"").replace('\n', "");
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{inside}",
            escaped(self.description)
        )
    }

    fn draw(&self) -> Result<String, Box<dyn Error>> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let steps = 0.0..self.last_step.max(1) as f64;
        let values = span(points.map(|&(_, value)| limited(value))).unwrap_or(0.0..1.0);
        let band =
            self.band.iter().flat_map(|&(_, lowest, highest)| [limited(lowest), limited(highest)]);
        // An outlier in the band must not flatten the rest.
        let room = (values.end - values.start).max(1e-3 * values.end.abs()).max(1e-9);
        let near = values.start - room..values.end + room;
        let seen = band.filter(|value| near.contains(value) && (!self.logarithmic || *value > 0.0));
        let seen = seen.chain([values.start, values.end]);
        let values = span(seen).unwrap_or(values);
        if self.logarithmic {
            let lowest = values.start.max(values.end * SMALLEST);
            self.draw_on(steps, (lowest * 0.9..values.end * 1.1).log_scale())
        } else {
            let height = values.end - values.start;
            // A constant series is drawn in the middle.
            let margin = if height > 1e-6 * values.end.abs() {
                0.05 * height
            } else {
                0.1 * values.end.abs()
            };
            let margin = if margin == 0.0 { 0.5 } else { margin.max(1e-9) };
            let (mut lowest, mut highest) = (values.start - margin, values.end + margin);
            // The axis doesn't extend below 0 or above 100 % if no value does.
            if values.start >= 0.0 {
                lowest = lowest.max(0.0);
            }
            if self.percent && values.end <= 1.0 {
                highest = highest.min(1.02);
            }
            self.draw_on(steps, lowest..highest)
        }
    }

    fn draw_on<V>(&self, steps: Range<f64>, values: V) -> Result<String, Box<dyn Error>>
    where
        V: AsRangedCoord<Value = f64>,
        V::CoordDescType: ValueFormatter<f64>,
    {
        let mut text = String::new();
        {
            let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
            let font = ("system-ui, sans-serif", FONT).into_font();
            let mut chart = ChartBuilder::on(&root)
                .margin(8)
                .margin_right(48)
                .x_label_area_size(60)
                .y_label_area_size(120)
                .build_cartesian_2d(steps, values)?;
            let (bottom, top) = {
                let range = chart.plotting_area().get_y_range();
                (range.start, range.end)
            };
            chart
                .configure_mesh()
                .x_labels(5)
                .y_labels(5)
                .max_light_lines(0)
                .bold_line_style(BLACK.mix(0.15))
                .axis_style(BLACK.mix(0.5))
                .label_style(font)
                .x_label_formatter(&|step| step_label(*step))
                .y_label_formatter(&|value| {
                    if self.percent { value_label(100.0 * value) } else { value_label(*value) }
                })
                .draw()?;
            let clamp = |value: f64| value.clamp(bottom, top);
            if self.band.len() > 1 {
                let forward = self.band.iter().map(|&(step, lowest, _)| (step, clamp(lowest)));
                let backward =
                    self.band.iter().rev().map(|&(step, _, highest)| (step, clamp(highest)));
                let outline: Vec<(f64, f64)> = forward.chain(backward).collect();
                chart.draw_series([Polygon::new(outline, color(0).mix(0.22))])?;
            }
            if let Some(step) = self.marked {
                let step = step as f64;
                let line =
                    PathElement::new([(step, bottom), (step, top)], BLACK.mix(0.6).stroke_width(2));
                chart.draw_series([line])?;
            }
            for (number, line) in self.lines.iter().enumerate() {
                let color = color(number);
                let points = line.points.iter().map(|&(step, value)| (step, clamp(value)));
                chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(4)))?;
                if line.dots {
                    let dots = points.map(|point| Circle::new(point, 6, color.filled()));
                    chart.draw_series(dots)?;
                }
            }
            root.present()?;
        }
        Ok(text)
    }
}

fn color(number: usize) -> RGBColor {
    let digits = COLORS[number % COLORS.len()].trim_start_matches('#');
    let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).unwrap_or_default();
    RGBColor(part(0), part(2), part(4))
}

/// Limits a value to what an axis can show.
fn limited(value: f64) -> f64 {
    value.clamp(-LARGEST, LARGEST)
}

/// Returns the range of the finite values.
fn span(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    values.filter(|value| value.is_finite()).fold(None, |span: Option<Range<f64>>, value| {
        Some(span.map_or(value..value, |span| span.start.min(value)..span.end.max(value)))
    })
}

/// Formats a step: `12,000`, or nothing between two steps.
fn step_label(step: f64) -> String {
    if step.fract() != 0.0 || step < 0.0 {
        return String::new();
    }
    thousands(step as usize)
}

/// Formats a value with three significant digits.
fn value_label(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0".into()
    } else if !(1e-3..1e5).contains(&magnitude) {
        format!("{value:.1e}")
    } else {
        three_digits(value).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, logarithmic: bool) -> String {
        let band = points.iter().map(|&(step, value)| (step, value, value * 1.5)).collect();
        let lines = vec![Line { points, dots: true }];
        let description = "a <curve>";
        Chart {
            description,
            last_step: 3,
            lines,
            band,
            marked: Some(2),
            logarithmic,
            percent: false,
        }
        .svg()
    }

    #[test]
    fn chart_is_an_svg_element_with_a_description() {
        for logarithmic in [false, true] {
            let svg = chart(vec![(1.0, 4.0), (2.0, 3.0), (3.0, 0.1)], logarithmic);
            assert!(svg.starts_with(
                "<svg viewBox=\"0 0 960 540\" role=\"img\" aria-label=\"a &lt;curve&gt;\">"
            ));
            assert!(svg.ends_with("</svg>"), "{svg}");
            assert_eq!(svg.matches("<circle").count(), 3);
            assert!(!svg.contains("#000000") && !svg.contains("http"), "{svg}");
        }
    }

    #[test]
    fn extreme_values_are_drawn() {
        for points in [
            vec![],
            vec![(5.0, 1.0)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, -3.0), (1e6, 1e30)],
            vec![(1.0, f64::MAX), (2.0, f64::MIN_POSITIVE)],
        ] {
            let svg = chart(points.clone(), false);
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN"), "{points:?}: {svg}");
        }
        for lowest in [0.0, 1e-300] {
            let lines = vec![Line { points: vec![(1.0, 1.0), (2.0, 1e-3)], dots: false }];
            let band = vec![(1.0, lowest, 2.0), (2.0, lowest, f64::MAX)];
            let (description, last_step, marked) = ("noise", 2, None);
            let chart = Chart {
                description,
                last_step,
                lines,
                band,
                marked,
                logarithmic: true,
                percent: false,
            };
            assert!(chart.svg().ends_with("</svg>"));
        }
    }

    #[test]
    fn axis_labels_are_short() {
        assert_eq!(
            [0.0, 0.25, 1.0 / 3.0, 1234.5, 1e-4, 1e6].map(value_label),
            ["0", "0.25", "0.333", "1230", "1.0e-4", "1.0e6"]
        );
        assert_eq!([0.0, 0.5, 12_000.0].map(step_label), ["0", "", "12,000"]);
    }
}

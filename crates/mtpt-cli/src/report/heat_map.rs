use std::fmt::Write;

use crate::report::data::clustering::Clustering;
use crate::report::html::{Html, escaped};

/// A symmetric matrix as a heat map, with its rows and columns in the order of a clustering.
pub(super) struct HeatMap<'a> {
    /// Text for screen readers.
    pub(super) description: &'a str,
    pub(super) names: &'a [&'a str],
    pub(super) values: &'a [Vec<f64>],
    pub(super) clustering: &'a Clustering,
}

/// Width of the dendrogram.
const TREE: f64 = 110.0;
/// Width of a character of a name.
const CHARACTER: f64 = 6.7;
/// Longest name that is shown in full, in characters.
const LONGEST: usize = 34;
/// Space above the cells, for the numbers of the columns.
const TOP: f64 = 20.0;
/// Cells of at least this size contain their value.
const WITH_VALUE: f64 = 36.0;
/// Opacity of the highest value. Text remains readable on it.
const OPACITY: f64 = 0.6;

impl HeatMap<'_> {
    /// Writes the heat map and its legend.
    pub(super) fn write(&self, html: &mut Html) {
        let range = self.range();
        html.element("div", &[("class", "frame heat")], |html| {
            write_legend(range, html);
            let attributes = [
                ("class", "scroll"),
                ("role", "region"),
                ("aria-label", "Heat map"),
                ("tabindex", "0"),
            ];
            html.element("div", &attributes, |html| html.markup(&self.svg(range)));
        });
        html.line();
    }

    /// Returns the values with the lightest and the darkest color. The range is narrow for similar
    /// items, and the legend shows it.
    fn range(&self) -> (f64, f64) {
        let values = self.values.iter().enumerate().flat_map(|(row, values)| {
            values.iter().enumerate().filter(move |(column, _)| *column != row)
        });
        let lowest = values.map(|(_, value)| *value).fold(1.0, f64::min);
        match lowest {
            ..0.0 => (-1.0, 1.0),
            0.0..0.5 => (0.0, 1.0),
            _ => (((lowest * 20.0).floor() / 20.0).min(0.95), 1.0),
        }
    }

    fn svg(&self, range: (f64, f64)) -> String {
        let count = self.clustering.order.len();
        let cell = match count {
            ..=12 => 44.0,
            13..=30 => 24.0,
            _ => (640.0 / count as f64).max(7.0),
        };
        let longest = self.names.iter().map(|name| shortened(name).chars().count()).max();
        let has_names = cell >= 12.0;
        let left = match has_names {
            true => 30.0 + CHARACTER * longest.unwrap_or(0) as f64,
            false => 4.0,
        };
        let side = cell * count as f64;
        let (width, height) = (left + side + TREE + 8.0, TOP + side + 4.0);
        let ordered: Vec<String> =
            self.clustering.order.iter().map(|&item| self.names[item].replace('\n', " ")).collect();
        let mut svg = format!(
            "<svg class=\"heat\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 \
             {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\" data-names=\"{}\">",
            escaped(self.description),
            escaped(&ordered.join("\n"))
        );
        for (row, &item) in self.clustering.order.iter().enumerate() {
            let y = TOP + cell * row as f64;
            if has_names {
                let label = shortened(self.names[item]);
                let (x, middle) = (left - 8.0, y + cell / 2.0 + 4.0);
                let _ = write!(
                    svg,
                    "<text class=\"row\" x=\"{x:.1}\" y=\"{middle:.1}\">{} <tspan class=\"muted\">{}</tspan></text>\
                     <text class=\"cell muted\" x=\"{:.1}\" y=\"14\">{}</text>",
                    escaped(&label),
                    row + 1,
                    left + cell * (row as f64 + 0.5),
                    row + 1
                );
            }
            self.draw_row(&mut svg, row, (left, y, cell), range);
        }
        self.draw_tree(&mut svg, left + side + 8.0, cell);
        svg.push_str("</svg>");
        svg
    }

    fn draw_row(&self, svg: &mut String, row: usize, place: (f64, f64, f64), range: (f64, f64)) {
        let (left, y, cell) = place;
        let values = &self.values[self.clustering.order[row]];
        let values: Vec<f64> = self.clustering.order.iter().map(|&item| values[item]).collect();
        let texts: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
        let _ = write!(svg, "<g data-row=\"{row}\" data-values=\"{}\">", texts.join(","));
        for (column, (value, text)) in values.iter().zip(&texts).enumerate() {
            let (x, class, opacity) =
                (left + cell * column as f64, class(*value), opacity(*value, range));
            let size = cell - 1.0;
            let _ = write!(
                svg,
                "<rect{class} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{size:.1}\" height=\"{size:.1}\" \
                 fill-opacity=\"{opacity:.2}\"/>"
            );
            if cell >= WITH_VALUE {
                let (x, y) = (x + cell / 2.0, y + cell / 2.0 + 4.0);
                let _ = write!(svg, "<text class=\"cell\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
            }
        }
        svg.push_str("</g>");
    }

    /// Draws the dendrogram: the further right two clusters meet, the less similar they are.
    fn draw_tree(&self, svg: &mut String, left: f64, cell: f64) {
        let count = self.clustering.order.len();
        let furthest =
            self.clustering.merges.iter().map(|merge| merge.distance).fold(0.0, f64::max);
        let mut places = vec![(left, 0.0); count];
        for (row, &item) in self.clustering.order.iter().enumerate() {
            places[item].1 = TOP + cell * (row as f64 + 0.5);
        }
        let mut path = String::new();
        for merge in &self.clustering.merges {
            let depth = if furthest > 0.0 { merge.distance / furthest } else { 1.0 };
            let x = left + TREE * (0.08 + 0.84 * depth.min(1.0));
            let [(first_x, first_y), (second_x, second_y)] =
                merge.clusters.map(|node| places[node]);
            let _ = write!(path, "M{first_x:.1} {first_y:.1}H{x:.1}V{second_y:.1}H{second_x:.1}");
            places.push((x, (first_y + second_y) / 2.0));
        }
        let _ = write!(svg, "<path class=\"branch\" d=\"{path}\"/>");
    }
}

fn write_legend((low, high): (f64, f64), html: &mut Html) {
    html.element("div", &[("class", "legend")], |html| {
        html.text("Cosine similarity:");
        for step in 0..5 {
            let value = low + (high - low) * f64::from(step) / 4.0;
            html.element("span", &[], |html| {
                let style = format!("--v:{:.2}", opacity(value, (low, high)));
                let class = if value < 0.0 { "swatch below" } else { "swatch" };
                html.leaf("i", &[("class", class), ("style", &style)], "");
                html.text(&format!("{value:.2}"));
            });
            html.text(" ");
        }
    });
}

fn class(value: f64) -> &'static str {
    if value < 0.0 { " class=\"below\"" } else { "" }
}

fn opacity(value: f64, (low, high): (f64, f64)) -> f64 {
    let strength = if low < 0.0 { value.abs() } else { (value - low) / (high - low) };
    if strength.is_nan() { 0.0 } else { OPACITY * strength.clamp(0.04, 1.0) }
}

/// Returns the end of a long name: names are paths, which differ at the end.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    match count > LONGEST {
        true => format!("…{}", name.chars().skip(count + 1 - LONGEST).collect::<String>()),
        false => name.to_owned(),
    }
}

//! Line charts over the steps of a run: a title, a unit, a legend and an SVG element.

mod axis;
mod drawing;
pub(crate) mod figure;
mod level_labels;
pub(crate) mod line_chart;
pub(crate) mod quantity;

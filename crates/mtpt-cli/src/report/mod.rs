//! The HTML reports of a run, and of a comparison of runs.

mod chart;
mod comparison;
mod components;
pub(crate) mod data;
mod heat_map;
mod html;
pub(crate) mod link;
mod loss_chart;
pub(crate) mod page;
mod prose;
mod run_cells;
mod run_page;
mod sections;

pub(crate) use comparison::render_comparison;
pub(crate) use run_page::render_run;

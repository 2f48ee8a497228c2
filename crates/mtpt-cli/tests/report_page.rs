//! A report, parsed as XML.

use std::fs;

use roxmltree::{Document, Node, ParsingOptions};

use crate::world::World;

/// A report, which must be well-formed.
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    /// Runs `mtpt report` and reads the report.
    #[track_caller]
    pub(crate) fn of(world: &World, arguments: &str) -> Self {
        let rows = world.rows(&format!("report {arguments}"), "");
        assert_eq!(rows.len(), 1);
        Self { text: fs::read_to_string(world.path(rows[0]["report"].as_str().unwrap())).unwrap() }
    }

    #[track_caller]
    pub(crate) fn document(&self) -> Document<'_> {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        Document::parse_with_options(&self.text, options).unwrap()
    }
}

/// Returns all text in an element, with ordinary spaces.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text).filter_map(|node| node.text());
    texts.collect::<String>().replace('\u{a0}', " ")
}

pub(crate) fn named<'a>(
    node: Node<'a, 'a>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |node| node.has_tag_name(name))
}

#[track_caller]
pub(crate) fn section<'a>(document: &'a Document<'a>, id: &str) -> Node<'a, 'a> {
    let found = document.descendants().find(|node| node.attribute("id") == Some(id));
    found.unwrap_or_else(|| panic!("no section `{id}`"))
}

/// Returns the header and the cells of each body row of a section's first table.
#[track_caller]
pub(crate) fn rows<'a>(section: Node<'a, 'a>) -> Vec<(String, Vec<Node<'a, 'a>>)> {
    let body = named(section, "tbody").next().unwrap();
    let row = |row: Node<'a, 'a>| {
        let head = text(named(row, "th").next().unwrap());
        (head, named(row, "td").collect())
    };
    named(body, "tr").map(row).collect()
}

/// Returns the exact value of a cell.
#[track_caller]
pub(crate) fn number(cell: Node<'_, '_>) -> f64 {
    named(cell, "data").next().unwrap().attribute("value").unwrap().parse().unwrap()
}

/// Returns the number of charts.
pub(crate) fn plots(node: Node<'_, '_>) -> usize {
    node.descendants().filter(|node| node.attribute("class") == Some("plot")).count()
}

/// Checks that a report loads nothing and runs no script except its own.
#[track_caller]
pub(crate) fn check_self_contained(page: &Page) {
    let document = page.document();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let allowed =
            !["link", "img", "iframe", "object", "embed", "image", "use", "form"].contains(&name);
        assert!(allowed, "an element `{name}`");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(
                !key.starts_with("on") && key != "src" && key != "xmlns",
                "{name} {key}={value}"
            );
            let is_local = value.starts_with("./") || value.starts_with('#');
            assert!(key != "href" || is_local, "{name} {key}={value}");
            assert!(key != "style" || !value.contains("url("), "{name} {key}={value}");
        }
    }
    for style in named(document.root(), "style") {
        let text = text(style);
        assert!(!text.contains("url(") && !text.contains("@import"), "{text}");
    }
    let scripts: Vec<String> = named(document.root(), "script").map(text).collect();
    assert_eq!(scripts, [include_str!("../src/report/report.js")]);
    assert!(!page.text.replace(&scripts[0], "").contains("NaN"));
    for figure in named(document.root(), "svg") {
        assert_eq!(figure.attribute("role"), Some("img"));
        assert!(figure.attribute("aria-label").is_some_and(|label| label.len() > 20));
    }
    // Heading levels increase by one at a time.
    let headings = ["h1", "h2", "h3", "h4"];
    let levels: Vec<usize> = document
        .descendants()
        .filter_map(|node| headings.iter().position(|name| node.has_tag_name(*name)))
        .collect();
    assert_eq!(levels.iter().filter(|level| **level == 0).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

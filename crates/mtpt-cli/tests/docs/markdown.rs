use std::fs;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::root;

/// A parsed Markdown file of the repository.
pub(crate) struct Document {
    /// Path in the repository.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) headings: Vec<Heading>,
    pub(crate) links: Vec<Link>,
}

/// A fenced code block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Line of the fence, starting at 1.
    pub(crate) line: usize,
    pub(crate) language: String,
    /// Words after the language: `output`, `file:run.toml`.
    pub(crate) marks: Vec<String>,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) level: usize,
    pub(crate) text: String,
    /// Fragment of links to the heading.
    pub(crate) anchor: String,
    /// Byte offset in the text.
    pub(crate) start: usize,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
}

impl Document {
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        Self::parse(path, text)
    }

    pub(crate) fn parse(path: &str, text: String) -> Self {
        let line = |range: &Range<usize>| text[..range.start].matches('\n').count() + 1;
        let (mut blocks, mut headings, mut links) = (Vec::new(), Vec::<Heading>::new(), Vec::new());
        let mut block: Option<Block> = None;
        let mut heading: Option<Heading> = None;
        let parser = Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter();
        for (event, range) in parser {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let mut words = info.split([' ', ',']).filter(|word| !word.is_empty());
                    let language = words.next().unwrap_or_default().to_owned();
                    let marks = words.map(str::to_owned).collect();
                    block =
                        Some(Block { line: line(&range), language, marks, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
                Event::Start(Tag::Heading { level, .. }) => {
                    let (text, anchor) = (String::new(), String::new());
                    heading =
                        Some(Heading { level: level as usize, text, anchor, start: range.start });
                }
                Event::End(TagEnd::Heading(_)) => {
                    if let Some(mut heading) = heading.take() {
                        let first = anchor(&heading.text);
                        let alike = headings.iter().filter(|other| anchor(&other.text) == first);
                        heading.anchor = match alike.count() {
                            0 => first,
                            before => format!("{first}-{before}"),
                        };
                        headings.push(heading);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(Link { line: line(&range), target: dest_url.into_string() });
                }
                Event::Text(part) | Event::Code(part) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&part);
                    } else if let Some(heading) = &mut heading {
                        heading.text.push_str(&part);
                    }
                }
                _ => {}
            }
        }
        Self { path: path.to_owned(), blocks, headings, links, text }
    }

    /// Returns the files that the chapter's folder starts with: names, and paths in the repository.
    pub(crate) fn needs(&self) -> Vec<(String, String)> {
        let Some(rest) = self.text.trim_start().strip_prefix("<!-- needs:") else {
            return Vec::new();
        };
        let (list, _) = rest.split_once("-->").expect("the comment at the top has an end");
        list.split([',', '\n'])
            .filter(|entry| !entry.trim().is_empty())
            .map(|entry| {
                let (name, source) = entry.split_once('=').unwrap_or_else(|| {
                    panic!("{}: expected `name = path` in `needs`, found `{entry}`", self.path)
                });
                (name.trim().to_owned(), source.trim().to_owned())
            })
            .collect()
    }

    /// Returns the text under a heading, up to the next heading of the same or a higher level.
    pub(crate) fn section(&self, anchor: &str) -> Option<&str> {
        let position = self.headings.iter().position(|heading| heading.anchor == anchor)?;
        let Heading { level, start, .. } = self.headings[position];
        let next = self.headings[position + 1..].iter().find(|heading| heading.level <= level);
        Some(&self.text[start..next.map_or(self.text.len(), |next| next.start)])
    }
}

/// Returns the fragment of links to a heading, as GitHub and mdBook define it: lower case, with
/// dashes for spaces and no other punctuation.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        })
        .collect()
}

#[test]
fn documents_are_parsed() {
    let text = "<!-- needs: t5 = some/model\na.csv = data/a.csv -->\n# `mtpt x` and: more\n\n[one](other.md#two)\n\n\
                ```sh exit:1\nmtpt\n```\n\n## Two\n\n```toml file:run.toml\na = 1\n```\n\n# Two\n";
    let document = Document::parse("a.md", text.to_owned());
    let needs = [("t5", "some/model"), ("a.csv", "data/a.csv")];
    assert_eq!(document.needs(), needs.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let anchors: Vec<&str> = document.headings.iter().map(|heading| &*heading.anchor).collect();
    assert_eq!(anchors, ["mtpt-x-and-more", "two", "two-1"]);
    assert_eq!((document.links[0].line, &*document.links[0].target), (5, "other.md#two"));
    let [script, file] = &document.blocks[..] else { panic!("{:?}", document.blocks) };
    assert_eq!((script.line, &*script.language, &*script.text), (7, "sh", "mtpt\n"));
    assert_eq!(script.marks, ["exit:1"]);
    assert_eq!((&*file.language, &*file.marks[0]), ("toml", "file:run.toml"));
    assert!(document.section("two").unwrap().ends_with("a = 1\n```\n\n"));
}

//! The graph of imports between the source files of one crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a crate and, for each, the files that it imports from.
///
/// Files are named by their path below `src`, without the extension: `task/config`, `lib`.
pub(crate) struct ImportGraph {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl ImportGraph {
    /// Reads the sources of a crate from its `src` folder.
    pub(crate) fn read(src: &Path) -> Self {
        let mut modules = BTreeMap::new();
        collect_modules(src, &mut Vec::new(), &mut modules);
        let edges = modules
            .iter()
            .map(|(path, file)| (name(src, file), imports(src, path, file, &modules)))
            .collect();
        Self { edges }
    }

    /// Returns the groups of files that import each other, directly or through other files.
    pub(crate) fn cycles(&self) -> Vec<Vec<String>> {
        let reachable: BTreeMap<&str, BTreeSet<&str>> =
            self.edges.keys().map(|file| (file.as_str(), self.reachable_from(file))).collect();
        let mut cycles: Vec<Vec<String>> = Vec::new();
        for (file, targets) in &reachable {
            if cycles.iter().any(|cycle| cycle.iter().any(|member| member == file)) {
                continue;
            }
            let mutual = targets.iter().filter(|target| reachable[*target].contains(file));
            let cycle: Vec<String> = mutual.map(|target| (*target).to_owned()).collect();
            if cycle.len() > 1 {
                cycles.push(cycle);
            }
        }
        cycles
    }

    fn reachable_from(&self, file: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut pending = vec![file];
        while let Some(file) = pending.pop() {
            for target in self.edges.get(file).into_iter().flatten() {
                if seen.insert(target.as_str()) {
                    pending.push(target);
                }
            }
        }
        seen
    }
}

/// Maps module paths to files: `[]` is `lib.rs` or `main.rs`, `["task", "config"]` is
/// `task/config.rs`, and `["task"]` is `task.rs` or `task/mod.rs`.
fn collect_modules(
    folder: &Path,
    module: &mut Vec<String>,
    modules: &mut BTreeMap<Vec<String>, PathBuf>,
) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(stem);
            collect_modules(&path, module, modules);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut module = module.clone();
            if !["lib", "main", "mod"].contains(&stem.as_str()) {
                module.push(stem);
            }
            modules.insert(module, path);
        }
    }
}

fn name(src: &Path, file: &Path) -> String {
    file.strip_prefix(src).unwrap().with_extension("").to_str().unwrap().to_owned()
}

/// Returns the other files that a file imports from. Unit tests at its end don't count.
fn imports(
    src: &Path,
    module: &[String],
    file: &Path,
    modules: &BTreeMap<Vec<String>, PathBuf>,
) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = code
        .lines()
        .map(|line| line.split("//").next().unwrap())
        .flat_map(|line| [line, "\n"])
        .collect();
    let is_folder = file.file_stem().is_some_and(|stem| stem == "mod");
    let mut targets = BTreeSet::new();
    for (root, keyword) in [("crate", "crate::"), ("super", "super::"), ("self", "self::")] {
        let mut rest = code.as_str();
        let mut before = None;
        while let Some(start) = rest.find(keyword) {
            before = rest[..start].chars().next_back().or(before);
            let tree = &rest[start + keyword.len()..];
            rest = tree;
            // `my_crate::`, `mtpt::self::` or a later part of `super::super::`.
            if before.is_some_and(|last| last.is_alphanumeric() || "_:".contains(last)) {
                continue;
            }
            let base = match root {
                "crate" => Vec::new(),
                "super" if module.is_empty() => continue,
                "super" => module[..module.len() - 1].to_vec(),
                _ if is_folder || module.is_empty() => module.to_vec(),
                _ => continue,
            };
            let mut paths = Vec::new();
            expand(tree, base, &mut paths);
            for path in paths {
                let target = (0..=path.len()).rev().find_map(|end| modules.get(&path[..end]));
                targets.extend(target.filter(|target| *target != file).map(|t| name(src, t)));
            }
        }
    }
    targets
}

/// Expands the path or tree of paths at the start of a text, such as `a::{b, c::d};`. Returns what
/// follows it.
fn expand<'a>(tree: &'a str, mut base: Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = tree.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                let after = expand(rest, base.clone(), paths).trim_start();
                // An alias, or a token that is no part of a path.
                let skipped = after.find([',', '}']).map_or("", |end| &after[end..]);
                rest = skipped.strip_prefix(',').unwrap_or(skipped).trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let (segment, after) = rest.split_at(end.unwrap_or(rest.len()));
        match segment {
            "super" => {
                base.pop();
            }
            "self" | "" => {}
            segment => base.push(segment.to_owned()),
        }
        match after.strip_prefix("::") {
            Some(next) => rest = next.trim_start(),
            None => {
                paths.push(base);
                return after;
            }
        }
    }
}

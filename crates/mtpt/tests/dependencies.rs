//! Tests of the packages that the workspace depends on, by the rules of `deny.toml`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use toml::Value as Toml;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rules() -> Toml {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// Returns the packages that the workspace's default features need on this platform, which are
/// available without a network.
fn packages() -> Vec<Json> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let run = |arguments: &[&str]| {
        let output = Command::new(&cargo).current_dir(root()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let version = run(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--format-version=1", "--locked", "--offline", "--filter-platform", host];
    let metadata: Json =
        serde_json::from_str(&run(&[&["metadata"], &options[..]].concat())).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Returns the packages of all features and platforms.
fn locked_packages() -> Vec<Toml> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let lock: Toml = toml::from_str(&lock).unwrap();
    lock["package"].as_array().unwrap().clone()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Toml) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// Returns whether an expression of alternatives (`OR`) and conjunctions (`AND`) of these, possibly
/// in parentheses, can be satisfied.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let is_satisfied = |part: &str| {
        let part = part.trim_matches(['(', ')']).replace('/', " OR ");
        part.split(" OR ").any(|license| allowed.contains(license.trim()))
    };
    // Without parentheses, alternatives bind less tightly than conjunctions.
    let parts: Vec<&str> = expression.split(" AND ").collect();
    parts.into_iter().all(is_satisfied)
}

#[test]
fn licenses_are_allowed() {
    let rules = rules();
    let licenses = &rules["licenses"];
    let allowed = texts(&licenses["allow"]);
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package["name"]);
        let of = |list: &Toml| {
            let list = list.as_array().unwrap().clone();
            list.into_iter().find(|rule| rule["crate"].as_str() == Some(name))
        };
        let clarified = of(&licenses["clarify"]);
        let expression = match &clarified {
            Some(rule) => rule["expression"].as_str().unwrap(),
            None => text(&package["license"]),
        };
        let exception = of(&licenses["exceptions"]);
        let mut allowed = allowed.clone();
        if let Some(rule) = &exception {
            allowed.extend(texts(&rule["allow"]));
        }
        if !is_allowed(expression, &allowed) {
            wrong.push(format!("{name}: {expression}"));
        }
    }
    assert!(wrong.is_empty(), "licenses that deny.toml does not allow: {wrong:#?}");
}

#[test]
fn packages_have_one_version_except_those_listed() {
    let rules = rules();
    let skipped: BTreeSet<String> = rules["bans"]["skip"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            assert!(rule["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{rule}");
            rule["crate"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    for package in locked_packages() {
        let name = package["name"].as_str().unwrap();
        let version = package["version"].as_str().unwrap().split('+').next().unwrap_or_default();
        versions.entry(name.to_owned()).or_default().push(format!("{name}@{version}"));
    }
    let known: BTreeSet<&String> = versions.values().flatten().collect();
    let gone: Vec<&String> = skipped.iter().filter(|id| !known.contains(id)).collect();
    assert!(gone.is_empty(), "entries of deny.toml that are not needed any more: {gone:#?}");
    let new: Vec<&Vec<String>> = versions
        .values()
        .filter(|ids| ids.iter().filter(|&id| !skipped.contains(id)).count() > 1)
        .collect();
    assert!(new.is_empty(), "packages of several versions, not in deny.toml: {new:#?}");
}

#[test]
fn packages_come_from_the_registry() {
    let rules = rules();
    let allowed = texts(&rules["sources"]["allow-registry"]);
    for package in locked_packages() {
        // Packages of the workspace have no source.
        let Some(source) = package.get("source").and_then(Toml::as_str) else { continue };
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        assert!(allowed.contains(registry), "{}: {source}", package["name"]);
    }
}

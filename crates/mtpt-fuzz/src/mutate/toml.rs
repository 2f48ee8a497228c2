//! Mutations of TOML and of other lines of keys and values.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::mutate::integers::extreme;
use crate::mutate::json::other_string;

/// Mutates a TOML text once; `None` if it is not in UTF-8.
pub(super) fn mutate(text: &[u8], random: &mut impl Rng) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return None;
    }
    let index = random.random_range(0..lines.len());
    match random.random_range(0..12) {
        0 => {
            lines.remove(index);
        }
        1 => {
            let line = lines.choose(random)?.clone();
            lines.insert(index, line);
        }
        2 => {
            let other = random.random_range(0..lines.len());
            lines.swap(index, other);
        }
        3 => {
            // A table again, with all of its keys.
            let end = random.random_range(index..lines.len());
            let part = lines[index..=end].to_vec();
            let times = if random.random_bool(0.1) { 200 } else { 1 };
            lines.extend(part.iter().cycle().take(part.len() * times).cloned());
        }
        4 => {
            let (key, _) = lines[index].split_once('=')?;
            lines[index] = format!("{}= {}", other_string(key.trim(), random), value(random));
        }
        5 => lines.insert(index, format!("[{}]", vec!["a"; deep(random)].join("."))),
        _ => {
            let positions: Vec<usize> =
                lines[index].match_indices('=').map(|(position, _)| position).collect();
            let position = *positions.choose(random)?;
            // Inline tables have several values in a line.
            let rest = &lines[index][position..];
            let end = rest.find([',', '}']).filter(|_| positions.len() > 1).unwrap_or(rest.len());
            let rest = rest[end..].to_owned();
            lines[index] = format!("{}= {}{rest}", &lines[index][..position], value(random));
        }
    }
    Some((lines.join("\n") + "\n").into_bytes())
}

fn deep(random: &mut impl Rng) -> usize {
    *[2, 20, 90, 1_000, 20_000].choose(random).unwrap_or(&2)
}

/// Returns a value of any type, or a text that is none.
fn value(random: &mut impl Rng) -> String {
    match random.random_range(0..14) {
        0 => "true".to_owned(),
        1 => "\"\"".to_owned(),
        2 => "[]".to_owned(),
        3 => "{}".to_owned(),
        4 => "-1".to_owned(),
        5 => ["nan", "inf", "-inf", "1e308", "1e-320", "1e17"]
            .choose(random)
            .map_or("", |it| it)
            .into(),
        6 => format!("{}{}", "[".repeat(deep(random)), "]".repeat(deep(random))),
        7 => {
            let depth = deep(random);
            format!("{}1{}", "{a=".repeat(depth), "}".repeat(depth))
        }
        8 => format!("\"{}\"", other_string("{text}", random).replace(['"', '\\', '\0'], "")),
        9 => {
            format!("[{}]", vec![extreme(random).to_string(); random.random_range(1..9)].join(", "))
        }
        10 => "2026-01-01T00:00:00Z".to_owned(),
        11 => format!("[{:?}, {:?}]", "add", "x"),
        _ => extreme(random).min(i64::MAX as u64).to_string(),
    }
}

/// Returns whether a text matches the text in a chapter. `…` matches any text within a line; a line
/// with only `…` matches any lines.
pub(crate) fn matches(expected: &str, found: &str) -> bool {
    let lines =
        |text: &str| -> Vec<String> { text.trim_end().lines().map(str::to_owned).collect() };
    lines_match(&lines(expected), &lines(found))
}

fn lines_match(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=found.len()).any(|skipped| lines_match(rest, &found[skipped..]))
        }
        Some((first, rest)) => found
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    match expected.split_once('…') {
        None => expected == found,
        Some((before, after)) => found.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&end| rest.is_char_boundary(end))
                .any(|end| line_matches(after, &rest[end..]))
        }),
    }
}

#[test]
fn ellipsis_matches_anything() {
    for (expected, found, matching) in [
        ("a\nb\n", "a\nb\n", true),
        ("a\n", "a\nb\n", false),
        ("a\nb\n", "a\n", false),
        ("step 1, loss …, … rows/s", "step 1, loss 0.5, 12 rows/s", true),
        ("step 1, loss …, … rows/s", "step 2, loss 0.5, 12 rows/s", false),
        ("a\n…\nd\n", "a\nb\nc\nd\n", true),
        ("a\n…\nd\n", "a\nb\nc\n", false),
        ("", "a\n", false),
    ] {
        assert_eq!(matches(expected, found), matching, "{expected} {found}");
    }
}

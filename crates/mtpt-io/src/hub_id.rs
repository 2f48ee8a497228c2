/// Returns whether a text can be the id of a repository on the hub, `name` or `owner/name`.
///
/// A misspelled path must not cause a request.
pub fn is_hub_id(id: &str) -> bool {
    let is_name = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(char::is_alphanumeric)
            && characters.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match id.split_once('/') {
        Some((owner, name)) => is_name(owner) && is_name(name),
        None => is_name(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_not_hub_ids() {
        for id in ["t5-small", "google/t5-v1_1-base", "google/flan-t5-base", "a/b_c.d-1"] {
            assert!(is_hub_id(id), "{id}");
        }
        for path in ["/a/b", "./model", "../model", "a/b/c", "a/", "", "a b", "a/..", "a\0b"] {
            assert!(!is_hub_id(path), "{path:?}");
        }
    }
}

/// Puts a word of a command into quotes if a shell would split or change it.
pub(crate) fn in_quotes(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for word in ["runs/a", "training.learning_rate=0.1,0.3", "my run", "it's", "$HOME", ""] {
            let line = shlex::split(&in_quotes(word)).unwrap();
            assert_eq!(line, [word]);
        }
        assert_eq!(in_quotes("runs/a-2"), "runs/a-2");
    }
}

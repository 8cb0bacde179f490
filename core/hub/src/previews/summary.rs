//! The few words of a longer text that a preview shows.

/// Paragraphs are taken until there are so many characters, and cut where there are more than the latter.
pub(super) const ENOUGH: usize = 200;
const MOST: usize = 500;

/// None: there are no words.
pub(super) fn summary<'a>(paragraphs: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut text = String::new();
    let mut length = 0;
    for paragraph in paragraphs {
        if length >= ENOUGH {
            break;
        }
        for (number, word) in paragraph.split_whitespace().enumerate() {
            let between = match (text.is_empty(), number) {
                (true, _) => "",
                (false, 0) => "\n\n",
                (false, _) => " ",
            };
            let characters = between.len() + word.chars().count();
            if length + characters > MOST {
                // A word that alone is too long is cut.
                if length < ENOUGH {
                    text.push_str(between);
                    text.extend(word.chars().take(MOST - length));
                }
                text.push('…');
                return Some(text);
            }
            text.push_str(between);
            text.push_str(word);
            length += characters;
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_and_few() {
        assert_eq!(summary([" a  b\n", "", "c"]).as_deref(), Some("a b\n\nc"));
        assert_eq!(summary(["", " \n"]), None);
        let long = "word ".repeat(300);
        let short = summary([long.as_str(), "never read"]).expect("words");
        assert!(short.ends_with("word…") && short.chars().count() <= MOST + 1, "{short}");
        let one = "x".repeat(2_000);
        assert_eq!(summary([one.as_str()]).expect("a word").chars().count(), MOST + 1);
    }
}

//! Words for pictures: cleaned, measured and broken into lines.

/// How a packet's death is signed.
pub(super) const CROSS: &str = "✗";

/// A text in one line that is nothing but text: no control characters, which neither terminals nor XML (section 2.2) should
/// see, and nothing that turns the direction of writing.
pub(super) fn clean(text: &str) -> String {
    let clean = text.chars().map(|c| match c {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
            char::REPLACEMENT_CHARACTER
        }
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    clean.collect::<String>().trim().to_owned()
}

/// How many columns a text has at most. What is not ASCII may be as wide as two.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// A text in lines of so many columns, broken at spaces where that is possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && columns(line) + 1 + columns(word) <= width {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        let mut room = width;
        for c in word.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if wide > room {
                lines.push(String::new());
                room = width;
            }
            room = room.saturating_sub(wide);
            lines.last_mut().expect("there is one").push(c);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The first of these words, and how many more there are.
pub(super) fn few(mut words: Vec<String>, most: usize, more: &str) -> Vec<String> {
    if words.len() > most {
        let rest = words.len() - most;
        words.truncate(most);
        words.push(format!("{rest} more {more}"));
    }
    words
}

/// An interface's places on the way of a packet; of a way that comes back again and again, the first two.
pub(super) fn steps(steps: &[usize]) -> String {
    let first: Vec<_> = steps.iter().take(2).map(ToString::to_string).collect();
    format!("{}{}", first.join(","), if steps.len() > 2 { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_text_is_one_line_of_text() {
        assert_eq!(
            clean(" a\nb\u{1b}[31m\0\u{202e}\u{fffe} <&\"> é "),
            "a b\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd} <&\"> é"
        );
    }

    #[test]
    fn lines_are_as_long_as_there_is_room() {
        assert_eq!(wrap("no route to 10.0.0.1", 12), ["no route to", "10.0.0.1"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("éé é", 4), ["éé", "é"]);
        assert_eq!(wrap("  ", 4), [""; 0]);
    }
}

//! What the control codes of a line add up to.

pub const BOLD: char = '\u{2}';
pub const COLOR: char = '\u{3}';
pub const HEX_COLOR: char = '\u{4}';
pub const RESET: char = '\u{f}';
pub const MONOSPACE: char = '\u{11}';
pub const REVERSE: char = '\u{16}';
pub const ITALIC: char = '\u{1d}';
pub const STRIKE: char = '\u{1e}';
pub const UNDERLINE: char = '\u{1f}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// 0 to 98
    Code(u8),
    Rgb(u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub italic: bool,
    pub underline: bool,
    pub strike: bool,
    pub monospace: bool,
    pub reverse: bool,
    pub foreground: Option<Color>,
    pub background: Option<Color>,
}

impl Style {
    /// The codes that lead from no formatting to this.
    pub fn codes(&self) -> String {
        let mut out = String::new();
        for (on, code) in self.toggles() {
            if on {
                out.push(code);
            }
        }
        match (self.foreground, self.background) {
            (None, None) => {}
            (Some(Color::Rgb(fg)), Some(Color::Rgb(bg))) => out.push_str(&format!("{HEX_COLOR}{fg:06X},{bg:06X}")),
            (Some(Color::Rgb(fg)), _) => out.push_str(&format!("{HEX_COLOR}{fg:06X}")),
            (fg, bg) => {
                let code = |color| if let Some(Color::Code(code)) = color { code } else { 99 };
                out.push_str(&format!("{COLOR}{:02}", code(fg)));
                if bg.is_some() {
                    out.push_str(&format!(",{:02}", code(bg)));
                }
            }
        }
        out
    }

    /// The codes that lead from `before` to this.
    pub fn codes_from(&self, before: &Self) -> String {
        if (self.foreground, self.background) != (before.foreground, before.background) {
            // Ending a colour by its bare code would eat a digit that follows.
            let reset = if *before == Self::default() { String::new() } else { RESET.to_string() };
            return reset + &self.codes();
        }
        self.toggles()
            .into_iter()
            .zip(before.toggles())
            .filter(|(now, then)| now.0 != then.0)
            .map(|(now, _)| now.1)
            .collect()
    }

    fn toggles(&self) -> [(bool, char); 6] {
        [
            (self.bold, BOLD),
            (self.italic, ITALIC),
            (self.underline, UNDERLINE),
            (self.strike, STRIKE),
            (self.monospace, MONOSPACE),
            (self.reverse, REVERSE),
        ]
    }

    /// Takes the code at the head of `text`, if there is one; answers how many bytes it is.
    fn take(&mut self, text: &str) -> Option<usize> {
        let code = text.chars().next()?;
        match code {
            BOLD => self.bold ^= true,
            ITALIC => self.italic ^= true,
            UNDERLINE => self.underline ^= true,
            STRIKE => self.strike ^= true,
            MONOSPACE => self.monospace ^= true,
            REVERSE => self.reverse ^= true,
            RESET => *self = Self::default(),
            COLOR => {
                return Some(
                    1 + self.take_color(
                        &text[1..],
                        |t| digits(t, 1..=2, 10),
                        |n| (n < 99).then_some(Color::Code(n as u8)),
                    ),
                );
            }
            HEX_COLOR => {
                return Some(1 + self.take_color(&text[1..], |t| digits(t, 6..=6, 16), |n| Some(Color::Rgb(n))));
            }
            _ => return None,
        }
        Some(1)
    }

    fn take_color(
        &mut self,
        text: &str,
        read: impl Fn(&str) -> Option<(u32, usize)>,
        color: impl Fn(u32) -> Option<Color>,
    ) -> usize {
        let Some((foreground, mut length)) = read(text) else {
            (self.foreground, self.background) = (None, None);
            return 0;
        };
        self.foreground = color(foreground);
        if let Some((background, more)) = text[length..].strip_prefix(',').and_then(&read) {
            self.background = color(background);
            length += 1 + more;
        }
        length
    }
}

/// A number of so many digits at the head of `text`, and its length.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>, radix: u32) -> Option<(u32, usize)> {
    let length = text.bytes().take(*lengths.end()).take_while(|b| char::from(*b).is_digit(radix)).count();
    if !lengths.contains(&length) {
        return None;
    }
    u32::from_str_radix(&text[..length], radix).ok().map(|number| (number, length))
}

/// The runs of one style that a line is made of, and the style at its end.
pub fn runs(line: &str) -> (Vec<(Style, String)>, Style) {
    let mut style = Style::default();
    let mut runs: Vec<(Style, String)> = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        if let Some(length) = style.take(rest) {
            at += length;
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        at += c.len_utf8();
        if c.is_control() && c != '\t' {
            continue;
        }
        match runs.last_mut() {
            Some((last, text)) if *last == style => text.push(c),
            _ => runs.push((style, c.to_string())),
        }
    }
    (runs, style)
}

/// The line without any code.
pub fn plain(line: &str) -> String {
    runs(line).0.into_iter().map(|(_, text)| text).collect()
}

/// The formatting that is on at the end of `line`.
pub fn active_at_end(line: &str) -> Style {
    runs(line).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stripped_and_digits_that_are_text_stay() {
        assert_eq!(plain("\u{2}b\u{2} \u{3}04,12red\u{3} \u{3}041 \u{4}FF0000x\u{f}\u{7}y"), "b red 1 xy");
        assert_eq!(plain("\u{3}4,no"), ",no");
        assert_eq!(plain("\u{3}"), "");
    }

    #[test]
    fn the_style_at_the_end_can_be_written_again() {
        let style = active_at_end("\u{2}\u{1d}x\u{1d}\u{3}4,1y");
        assert_eq!(style.codes(), "\u{2}\u{3}04,01");
        assert_eq!(active_at_end("\u{2}x\u{f}"), Style::default());
        assert_eq!(active_at_end("\u{3}99x"), Style::default());
    }

    #[test]
    fn leaving_a_color_resets_and_keeps_the_rest() {
        let red = Style { bold: true, foreground: Some(Color::Code(4)), ..Style::default() };
        let bold = Style { bold: true, ..Style::default() };
        assert_eq!(bold.codes_from(&red), "\u{f}\u{2}");
        assert_eq!(Style::default().codes_from(&bold), "\u{2}");
        assert_eq!(red.codes_from(&bold), "\u{f}\u{2}\u{3}04");
    }
}

//! What a stranger sent, for a terminal.

use std::fmt::{self, Write as _};

/// A text whose control characters are shown, not obeyed: those of C0 and C1, and those that turn the direction of
/// writing around.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if (char.is_control() && char != '\t') || turns {
                write!(f, "{}", char.escape_default())?;
            } else {
                f.write_char(char)?;
            }
        }
        Ok(())
    }
}

/// Bytes, the first 32 of them in hexadecimal.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes", self.0.len())?;
        for (at, byte) in self.0.iter().take(32).enumerate() {
            write!(f, "{}{byte:02x}", if at == 0 { ": " } else { " " })?;
        }
        f.write_str(if self.0.len() > 32 { " ...>" } else { ">" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let escaped = Escaped("a\tb \x1b[31m \u{9b}2J \r\n \u{202e}x \u{7f} é").to_string();
        assert_eq!(escaped, "a\tb \\u{1b}[31m \\u{9b}2J \\r\\n \\u{202e}x \\u{7f} é");
    }

    #[test]
    fn bytes_are_cut() {
        assert_eq!(Bytes(&[]).to_string(), "<0 bytes>");
        assert_eq!(Bytes(&[1, 255]).to_string(), "<2 bytes: 01 ff>");
        assert!(Bytes(&[0; 33]).to_string().ends_with("00 ...>"));
    }
}

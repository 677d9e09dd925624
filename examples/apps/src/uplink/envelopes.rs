//! The server's envelopes, read as they come: a welcome may be of 64 KiB, of which a device keeps 128 bytes.
//!
//! Only what is needed of JSON (RFC 8259): which object a key and its value are in, and the beginning of strings. What
//! is no JSON does no harm, and says nothing.

use heapless::{String, Vec};

use super::readings;

/// An `EPOCH:SEQ` has at most 64 letters, a colon and 20 digits.
pub(super) type Position = String<88>;

/// What an envelope says to a device.
pub(super) enum Heard {
    /// The server has let it in; all of its own that the history had are confirmed.
    Welcome,
    /// The room has this reading.
    Confirmed(u32),
    /// Somebody wants the LED on, or off.
    Led(bool),
}

/// A reader of one envelope after the other.
pub(super) struct Envelopes {
    boot: u32,
    /// Which of the containers that are open are objects, the innermost in the lowest bit.
    objects: u32,
    depth: u8,
    in_string: bool,
    escape: Escape,
    /// The beginning of the string or word that is being read.
    word: Vec<u8, 128>,
    /// What the next string of an object is.
    awaits_key: bool,
    key: Key,
    kind: Kind,
    /// What the innermost object says.
    said: Option<Heard>,
    /// The outermost object's sequence.
    position: Position,
}

#[derive(Clone, Copy, PartialEq)]
enum Key {
    Kind,
    Seq,
    Text,
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Message,
    Welcome,
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Escape {
    No,
    /// After a backslash.
    Begun,
    /// Digits of a `\u` that are to come: what it means is not needed.
    Digits(u8),
}

impl Envelopes {
    /// Readings of this boot are its own.
    pub(super) const fn new(boot: u32) -> Self {
        Envelopes {
            boot,
            objects: 0,
            depth: 0,
            in_string: false,
            escape: Escape::No,
            word: Vec::new(),
            awaits_key: false,
            key: Key::Other,
            kind: Kind::Other,
            said: None,
            position: Position::new(),
        }
    }

    /// Reads a piece of an envelope; says what it heard.
    pub(super) fn read(&mut self, piece: &[u8], mut heard: impl FnMut(Heard)) {
        for byte in piece {
            if let Some(said) = self.byte(*byte) {
                heard(said);
            }
        }
    }

    /// The message is over: where it was said, and the next one begins anew.
    pub(super) fn end(&mut self) -> Position {
        core::mem::replace(self, Envelopes::new(self.boot)).position
    }

    fn byte(&mut self, byte: u8) -> Option<Heard> {
        if self.in_string {
            self.string(byte);
            return None;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.word.clear();
            }
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.objects = self.objects << 1 | u32::from(byte == b'{');
                self.awaits_key = byte == b'{';
                self.said = None;
            }
            b':' => self.awaits_key = false,
            b',' => self.awaits_key = self.objects & 1 == 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.objects >>= 1;
                let said = self.said.take();
                if self.depth == 0 {
                    return match self.kind {
                        Kind::Message => said,
                        Kind::Welcome => Some(Heard::Welcome),
                        Kind::Other => None,
                    };
                }
                // In a history: what was said before, and commands are not of now.
                return said.filter(|said| matches!(said, Heard::Confirmed(_)));
            }
            _ => {}
        }
        None
    }

    fn string(&mut self, byte: u8) {
        match (self.escape, byte) {
            (Escape::No, b'\\') => self.escape = Escape::Begun,
            (Escape::No, b'"') => {
                self.in_string = false;
                self.word_is_whole();
            }
            (Escape::Begun, b'u') => self.escape = Escape::Digits(4),
            (Escape::Digits(left @ 2..), _) => self.escape = Escape::Digits(left - 1),
            (Escape::Digits(_), _) => {
                self.escape = Escape::No;
                let _ = self.word.push(b'?');
            }
            (Escape::No | Escape::Begun, _) => {
                self.escape = Escape::No;
                // What does not fit is not needed.
                let _ = self.word.push(byte);
            }
        }
    }

    fn word_is_whole(&mut self) {
        let word = core::str::from_utf8(&self.word).unwrap_or_default();
        if self.awaits_key {
            self.key = match word {
                "kind" => Key::Kind,
                "seq" => Key::Seq,
                "text" => Key::Text,
                _ => Key::Other,
            };
            return;
        }
        match self.key {
            Key::Kind if self.depth == 1 => {
                self.kind = match word {
                    "message" => Kind::Message,
                    "welcome" => Kind::Welcome,
                    _ => Kind::Other,
                }
            }
            Key::Seq if self.depth == 1 => self.position = word.try_into().unwrap_or_default(),
            Key::Text => {
                self.said = match word {
                    "led on" => Some(Heard::Led(true)),
                    "led off" => Some(Heard::Led(false)),
                    text => readings::number(text, self.boot).map(Heard::Confirmed),
                }
            }
            _ => {}
        }
        self.key = Key::Other;
    }
}

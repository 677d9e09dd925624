//! The records of TLS as they come (RFC 8446 section 5.1), looked at before embedded-tls has them.
//!
//! It panics at some that anybody on the way can put in: an encrypted one without content, and a message of the
//! handshake in the clear when the handshake is over.

/// Which byte of which record comes next.
pub(super) struct Records {
    header: [u8; HEADER],
    /// How much of the header is there.
    filled: usize,
    /// How much of the content is to come.
    left: usize,
    /// Whether the server has said hello: from then on what it says is encrypted.
    greeted: bool,
}

const HEADER: usize = 5;

/// A record that embedded-tls must not see.
pub(super) struct BadRecord;

impl Records {
    pub(super) const fn new() -> Self {
        Records { header: [0; HEADER], filled: 0, left: 0, greeted: false }
    }

    /// Looks at what came.
    pub(super) fn check(&mut self, mut bytes: &[u8]) -> Result<(), BadRecord> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let content = self.left.min(bytes.len());
                self.left -= content;
                bytes = bytes.get(content..).unwrap_or_default();
                continue;
            }
            let (wanted, rest) = bytes.split_at(bytes.len().min(HEADER - self.filled));
            for (to, byte) in self.header.iter_mut().skip(self.filled).zip(wanted) {
                *to = *byte;
            }
            self.filled += wanted.len();
            bytes = rest;
            if self.filled == HEADER {
                self.filled = 0;
                self.left = self.begin()?;
            }
        }
        Ok(())
    }

    /// A header that is whole: the length of what follows.
    fn begin(&mut self) -> Result<usize, BadRecord> {
        const CHANGE_CIPHER_SPEC: u8 = 20;
        const ALERT: u8 = 21;
        const HANDSHAKE: u8 = 22;
        const APPLICATION_DATA: u8 = 23;
        let [kind, _, _, high, low] = self.header;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let is_good = match kind {
            CHANGE_CIPHER_SPEC => len == 1,
            ALERT => len == 2,
            HANDSHAKE => len > 0 && !self.greeted,
            // A byte for the kind of what is in it, and 16 that prove it.
            APPLICATION_DATA => len >= 17 && self.greeted,
            _ => false,
        };
        self.greeted |= kind == HANDSHAKE;
        if is_good { Ok(len) } else { Err(BadRecord) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = &[22, 3, 3, 0, 2, 0, 0];
    const CHANGE: &[u8] = &[20, 3, 3, 0, 1, 1];
    const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    const DATA: &[u8] = &[23, 3, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    fn is_good(records: &[&[u8]]) -> bool {
        // However it is cut.
        let mut verdicts = (1..24).map(|size| {
            let mut looked = Records::new();
            let mut bytes = [0; 128];
            let mut len = 0;
            for record in records {
                bytes[len..len + record.len()].copy_from_slice(record);
                len += record.len();
            }
            bytes[..len].chunks(size).all(|chunk| looked.check(chunk).is_ok())
        });
        let first = verdicts.next().expect("some");
        assert!(verdicts.all(|verdict| verdict == first), "{records:?}");
        first
    }

    #[test]
    fn a_handshake_and_data_pass() {
        assert!(is_good(&[HELLO, CHANGE, DATA, DATA, ALERT]));
        assert!(is_good(&[ALERT]));
    }

    #[test]
    fn what_embedded_tls_panics_at_does_not() {
        assert!(!is_good(&[HELLO, HELLO]), "a second message in the clear");
        assert!(!is_good(&[HELLO, CHANGE, DATA, HELLO]), "and later");
        assert!(!is_good(&[HELLO, &[23, 3, 3, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]), "no content");
        assert!(!is_good(&[DATA]), "data before the hello");
        assert!(!is_good(&[b"HTTP/1.1 400 Bad Request\r\n"]), "no TLS at all");
    }
}

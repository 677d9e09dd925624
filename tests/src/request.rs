//! Requests by hand.

use sha1_smol::Sha1;

/// The key of RFC 6455 section 1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request for an upgrade, right in everything unless it is said otherwise.
#[derive(Debug, Clone)]
pub struct Upgrade {
    line: String,
    headers: Vec<(String, String)>,
}

impl Upgrade {
    /// For this path.
    pub fn to(path: &str) -> Self {
        let headers = [
            ("Host", "127.0.0.1"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Upgrade { line: format!("GET {path} HTTP/1.1"), headers }
    }

    /// With another first line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.line = line.to_owned();
        self
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// With another value of this header.
    #[must_use]
    pub fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// So many bytes long in all, by a header that says nothing.
    #[must_use]
    pub fn padded(self, len: usize) -> Self {
        let missing = len - self.bytes().len();
        let value = "x".repeat(missing - "Padding: \r\n".len());
        self.with("Padding", &value)
    }

    /// The request's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}\r\n", self.line, headers.collect::<String>()).into_bytes()
    }
}

/// What answers a key (RFC 6455 section 4.2.2).
pub fn accept_of(key: &str) -> String {
    let digest = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
    data_encoding::BASE64.encode(&digest)
}

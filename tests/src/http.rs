//! Plain requests by hand.

use std::net::SocketAddr;

use crate::{Raw, Response};

/// A request of HTTP that asks for no upgrade.
#[derive(Debug, Clone)]
pub struct Http {
    head: String,
    body: Vec<u8>,
}

impl Http {
    /// A GET of this path.
    pub fn get(path: &str) -> Self {
        Self::method("GET", path)
    }

    /// A POST of this body, with its length.
    pub fn post(path: &str, body: &[u8]) -> Self {
        Http { body: body.to_vec(), ..Self::method("POST", path).with("Content-Length", &body.len().to_string()) }
    }

    /// Another method, without a body.
    pub fn method(method: &str, path: &str) -> Self {
        Http { head: format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"), body: Vec::new() }
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// With this body, and no length.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The request's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// The answer and its body, after which the connection must end.
    pub fn ask(&self, address: SocketAddr) -> (Response, String) {
        let mut raw = Raw::dial(address);
        raw.try_send(&self.bytes());
        let response = raw.response().unwrap_or_else(|| panic!("no answer to {}", self.head));
        let body = String::from_utf8(raw.rest()).expect("a body is text");
        (response, body)
    }
}

//! How a client gets to a server: what `connect` and `bench` have in common.

use std::path::PathBuf;

use sockeye_tokio::{Config, ProxyError, Tls};

/// How to get to a server.
#[derive(clap::Args)]
pub(crate) struct Way {
    /// Add a header to the request.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Offer a subprotocol; may be repeated, the first is preferred.
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,
    /// Trust the authorities in this file (PEM), and not the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Go through an HTTP proxy: http://USER:PASSWORD@HOST:PORT, the user may be missing.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

impl Way {
    /// Checked here, not by the parser: its message would repeat the values, which may be secrets.
    pub(crate) fn config(self) -> Result<Config, String> {
        let headers = self.headers.iter().map(|header| split_header(header)).collect::<Option<_>>();
        let trust = |file: PathBuf| {
            let tls = std::fs::read(&file).and_then(|pem| Tls::trusting(&pem));
            tls.map_err(|error| format!("--ca: {}: {error}", file.display()))
        };
        let proxy = self.proxy.map(|proxy| proxy.parse()).transpose();
        Ok(Config {
            headers: headers.ok_or("--header takes NAME: VALUE")?,
            subprotocols: self.subprotocols,
            tls: self.ca.map(trust).transpose()?,
            proxy: proxy.map_err(|error: ProxyError| format!("--proxy: {error}"))?,
            ..Config::default()
        })
    }
}

fn split_header(header: &str) -> Option<(String, String)> {
    let (name, value) = header.split_once(':')?;
    (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.trim().to_owned()))
}

/// Of a URL what may be shown: no user name, no password, no query.
pub(crate) fn without_secrets(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let shown = &url[..end];
    shown.rsplit_once('@').map_or(shown, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        assert_eq!(without_secrets("ws://h:1/p?token=t"), "ws://h:1/p");
        assert_eq!(without_secrets("ws://user:secret@h/p#f"), "h/p");
        assert_eq!(without_secrets("ws://h/p"), "ws://h/p");
    }
}

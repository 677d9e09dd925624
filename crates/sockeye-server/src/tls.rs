//! TLS of the listener: one certificate, which a reload replaces while connections stay.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{Error, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::settings::Settings;

/// How the listener speaks TLS.
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// With the certificate and the key of the settings, if they have any.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, String> {
        match (&settings.tls_cert, &settings.tls_key) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => {
                let acceptor = RwLock::new(load(cert, key)?);
                Ok(Some(Tls { cert: cert.clone(), key: key.clone(), acceptor }))
            }
            (Some(_), None) => Err("--tls-cert needs --tls-key".into()),
            (None, Some(_)) => Err("--tls-key needs --tls-cert".into()),
        }
    }

    /// For a connection that comes now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again. If something is wrong with them, all stays as it is.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let acceptor = load(&self.cert, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }
}

fn load(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(read_cert(cert)?, read_key(key)?)
        .map_err(|error| format!("{} and {}: {error}", cert.display(), key.display()))?;
    // A WebSocket begins with an upgrade of HTTP/1.1: nothing else is spoken here.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// The chain of certificates in a file.
pub(crate) fn read_cert(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match chain {
        Ok(chain) if chain.is_empty() => Err(said_of(path, Error::NoItemsFound, "certificate")),
        chain => chain.map_err(|error| said_of(path, error, "certificate")),
    }
}

/// The private key in a file.
pub(crate) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| said_of(path, error, "private key"))
}

/// What is wrong with a file, of whose contents nothing is told: it may be a key.
fn said_of(path: &Path, error: Error, what: &str) -> String {
    let path = path.display();
    match error {
        Error::Io(error) => format!("{path}: {error}"),
        Error::NoItemsFound => format!("{path}: there is no {what} in it"),
        _ => format!("{path}: this is no PEM"),
    }
}

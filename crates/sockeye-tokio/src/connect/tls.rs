//! TLS of the client: whom it trusts.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use sockeye::handshake::Uri;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{ConnectError, Stream};

/// Whom a client trusts when it connects by `wss://`.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use sockeye_tokio::{Config, Tls, connect};
///
/// let tls = Tls::trusting(&std::fs::read("our-ca.pem")?)?;
/// let ws = connect("wss://hub.example/", Config { tls: Some(tls), ..Config::default() }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// The authorities that the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` in the environment name others.
    /// What [`Config::tls`](crate::Config::tls) is without.
    ///
    /// # Errors
    /// The system has none.
    pub fn system() -> io::Result<Self> {
        static SYSTEM: OnceLock<Tls> = OnceLock::new();
        if let Some(tls) = SYSTEM.get() {
            return Ok(tls.clone());
        }
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
            return Err(invalid(format!("this system trusts no authority{why}")));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        Ok(SYSTEM.get_or_init(|| Self::of(roots)).clone())
    }

    /// These authorities and no others: certificates in PEM.
    ///
    /// # Errors
    /// There is none in it, or one that is not whole.
    pub fn trusting(pem: &[u8]) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
            roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(invalid("no certificate in it".into()));
        }
        Ok(Self::of(roots))
    }

    fn of(roots: RootCertStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has what the versions need")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.into()
    }
}

/// A configuration of your own, with a client's certificate say. The protocol becomes `http/1.1` (ALPN).
impl From<ClientConfig> for Tls {
    fn from(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Tls(Arc::new(config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Agrees on TLS with the server of this URI.
pub(super) async fn above(tcp: TcpStream, uri: Uri<'_>, tls: Option<&Tls>) -> Result<Stream, ConnectError> {
    let Tls(config) = tls.map_or_else(Tls::system, |tls| Ok(tls.clone())).map_err(ConnectError::Tls)?;
    let name = ServerName::try_from(uri.host().to_owned())
        .map_err(|_| ConnectError::Tls(invalid("the host is no name that a certificate could have".into())))?;
    let tls = TlsConnector::from(config).connect(name, tcp).await.map_err(ConnectError::Tls)?;
    Ok(Stream::tls(tls))
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

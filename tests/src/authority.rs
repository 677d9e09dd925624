//! Certificates of our own, and a way to what is behind them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData as _,
    date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// An authority that nobody trusts who is not told to.
pub struct Authority {
    dir: PathBuf,
    /// Whose end is the directory's, too.
    _temporary: Option<TempDir>,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in files.
#[derive(Debug)]
pub struct Issued {
    /// The chain, in PEM.
    pub cert: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

impl Default for Authority {
    /// Its files are gone with it.
    fn default() -> Self {
        let temporary = TempDir::new().expect("a directory");
        let authority = Self::in_dir(temporary.path().to_owned());
        Authority { _temporary: Some(temporary), ..authority }
    }
}

impl Authority {
    /// Its files are in this directory, and stay.
    pub fn in_dir(dir: PathBuf) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "sockeye's test authority");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let authority = Authority { dir, _temporary: None, issuer };
        std::fs::write(authority.file(), authority.pem()).expect("a file");
        authority
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A certificate for these names and addresses, in place of the one that it issued before.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_within(names, None)
    }

    /// The same, good for these years, of which the second is not one any more; or for ever.
    pub fn issue_within(&self, names: &[&str], years: Option<(i32, i32)>) -> Issued {
        let (cert, key) = self.sign(names, years);
        let issued = Issued { cert: self.dir.join("cert.pem"), key: self.dir.join("key.pem") };
        std::fs::write(&issued.cert, cert.pem()).expect("a file");
        std::fs::write(&issued.key, key.serialize_pem()).expect("a file");
        issued
    }

    /// A certificate and its key, in no file.
    pub fn sign(&self, names: &[&str], years: Option<(i32, i32)>) -> (Certificate, KeyPair) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names).expect("names");
        if let Some((from, until)) = years {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        }
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// Its certificate, in DER.
    pub fn der(&self) -> &[u8] {
        self.issuer.der()
    }

    /// What a client is that trusts this authority alone.
    pub fn client(&self) -> ClientConfig {
        self.client_of(ALL_VERSIONS)
    }

    /// The same, of these versions of TLS.
    pub fn client_of(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("the provider has what they need")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// An address on which TLS is spoken with this certificate, and behind which there is this server, which speaks none.
    /// As long as the process is there.
    pub fn with_tls(issued: &Issued, server: SocketAddr) -> SocketAddr {
        let chain = CertificateDer::pem_file_iter(&issued.cert).expect("a file");
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(&issued.key).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has what they need")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        lead(async move |secure| {
            let mut secure = acceptor.accept(secure).await?;
            let mut plain = TcpStream::connect(server).await?;
            copy_bidirectional(&mut secure, &mut plain).await.map(drop)
        })
    }

    /// An address on which no TLS is spoken, and behind which there is this server, which has a certificate for
    /// `localhost`: peers who do what no peer should may go that way. As long as the process is there.
    pub fn without_tls(&self, server: SocketAddr) -> SocketAddr {
        let connector = TlsConnector::from(Arc::new(self.client()));
        lead(async move |mut plain| {
            let tcp = TcpStream::connect(server).await?;
            let name = ServerName::try_from("localhost").expect("a name");
            let mut secure = connector.connect(name, tcp).await?;
            copy_bidirectional(&mut plain, &mut secure).await.map(drop)
        })
    }
}

/// An address, and who comes there is led on so.
fn lead(on: impl AsyncFn(TcpStream) -> std::io::Result<()> + Send + 'static) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    std::thread::spawn(move || {
        let on = Rc::new(on);
        let led = async {
            while let Ok((stream, _)) = listener.accept().await {
                let on = on.clone();
                // One that breaks off has nobody to be told.
                tokio::task::spawn_local(async move { on(stream).await });
            }
        };
        LocalSet::new().block_on(&runtime, led);
    });
    address
}

impl Issued {
    /// The pin of its key, as a device has it.
    pub fn pin(&self) -> String {
        let key = KeyPair::from_pem(&std::fs::read_to_string(&self.key).expect("a file")).expect("a key");
        format!("key:{}", HEXLOWER.encode(&Sha256::digest(key.subject_public_key_info())))
    }

    /// The flags by which a server has it.
    pub fn flags(&self) -> [&str; 4] {
        ["--tls-cert", self.cert.to_str().expect("text"), "--tls-key", self.key.to_str().expect("text")]
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.dir.display())
    }
}

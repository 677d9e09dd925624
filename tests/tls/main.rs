//! A device's TLS, by `sockeye_embassy::tls`, against servers of rustls, whoever they are.

mod trust;
mod websocket;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use embedded_io_adapters::tokio_1::FromTokio;
use embedded_io_async::{Read as _, Write as _};
use rcgen::{Certificate, KeyPair, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use sockeye_embassy::tls::{self, Buffers, OpenError, Pin, Transport, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ResolvesServerCert;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

/// Opens a session with `localhost` there, and has a few words sent back.
async fn visit(server: SocketAddr, trust: Trust<'_>) -> Result<(), OpenError> {
    visit_as(server, "localhost", trust).await
}

async fn visit_as(server: SocketAddr, host: &str, trust: Trust<'_>) -> Result<(), OpenError> {
    let (reader, writer) = TcpStream::connect(server).await.expect("it listens").into_split();
    let transport = Transport::new(FromTokio::new(reader), FromTokio::new(writer));
    let mut buffers = Box::new(Buffers::new());
    let mut session = tls::open(&transport, &mut buffers, host, trust, &mut rand::rng()).await?;
    let (mut reader, mut writer) = session.split();
    for word in [&b"hello"[..], &[b'x'; 5_000]] {
        writer.write_all(word).await.expect("it is sent");
        writer.flush().await.expect("it is sent");
        let mut echo = vec![0; word.len()];
        reader.read_exact(&mut echo).await.expect("it comes back");
        assert_eq!(echo, word);
    }
    session.close().await.expect("the end is told");
    Ok(())
}

/// A server that shows these certificates, signs with this key, and echoes.
async fn serve(chain: &[&[u8]], key: &KeyPair) -> SocketAddr {
    serve_versions(chain, key, &[&version::TLS13]).await
}

async fn serve_versions(chain: &[&[u8]], key: &KeyPair, versions: &[&'static SupportedProtocolVersion]) -> SocketAddr {
    let provider = aws_lc_rs::default_provider();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let chain = chain.iter().map(|cert| CertificateDer::from(cert.to_vec())).collect();
    // Unlike what `with_single_cert` does, this does not look whether they belong together.
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    let config = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions);
    let config = config.expect("it has them").with_no_client_auth().with_cert_resolver(resolver);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    accept(async move |stream| {
        // A client that does not like it is gone.
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut buffer = [0; 1024];
        while let Ok(len @ 1..) = stream.read(&mut buffer).await {
            let echoed = async { stream.write_all(&buffer[..len]).await.and(stream.flush().await) };
            if echoed.await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A server that has one client after the other.
async fn accept(client: impl AsyncFn(TcpStream) + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            client(stream).await;
        }
    });
    address
}

fn key_pin(key: &KeyPair) -> Pin {
    Pin::Key(Sha256::digest(key.subject_public_key_info()).into())
}

fn certificate_pin(certificate: &Certificate) -> Pin {
    Pin::Certificate(Sha256::digest(certificate.der()).into())
}

/// Runs a test, which ends.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limited = async { tokio::time::timeout(sockeye_tests::PATIENCE, test).await.expect("it ends") };
    tokio::task::LocalSet::new().block_on(&runtime, limited);
}

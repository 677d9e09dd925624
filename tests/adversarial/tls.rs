//! TLS: what is agreed on, what is refused, and who is kept from waiting for ever.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye_tests::{Authority, Bystander, Http, Raw, Server, eventually, run_sockeye};
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{CloseCode, Config, ConnectError, Connection, Stream, Tls, connect};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// From accept to the end of the handshake, in all.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A server with a certificate, and a way to it for those who speak no TLS.
struct Secure {
    authority: Authority,
    server: Server,
    plain: SocketAddr,
}

impl Secure {
    fn start(more: &[&str]) -> Self {
        let authority = Authority::default();
        let issued = authority.issue(&["localhost", "127.0.0.1"]);
        let server = Server::start_with(&[&issued.flags()[..], more].concat());
        let plain = authority.without_tls(server.address());
        Secure { authority, server, plain }
    }

    fn url(&self) -> String {
        format!("wss://localhost:{}/echo", self.server.address().port())
    }

    fn connect(&self, ca: &Authority) -> Output {
        run_sockeye(&["connect", &self.url(), "--ca", ca.file().to_str().expect("text")], b"over TLS\n")
    }

    /// A client of the library.
    async fn client(&self) -> Result<Connection<Stream>, ConnectError> {
        let tls = Tls::trusting(self.authority.pem().as_bytes()).expect("a certificate");
        connect(&self.url(), Config { limits: Limits::NONE, tls: Some(tls), ..Config::default() }).await
    }

    /// TLS on a plain socket, by a configuration of its own.
    fn dial(&self, config: ClientConfig) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = StreamOwned::new(tls, TcpStream::connect(self.server.address())?);
        stream.sock.set_read_timeout(Some(2 * HANDSHAKE))?;
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

/// Runs a test beside a bystander, which goes by TLS too.
fn beside_a_bystander(more: &[&str], test: impl FnOnce(&Secure)) {
    let secure = Secure::start(more);
    let bystander = Bystander::on(secure.plain);
    test(&secure);
    bystander.assert_undisturbed();
}

#[test]
fn only_a_certificate_of_a_trusted_authority_for_this_name_is_good() {
    beside_a_bystander(&[], |secure| {
        let output = secure.connect(&secure.authority);
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"over TLS\n"[..]), "{output:?}");
        let output = secure.connect(&Authority::default());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("invalid peer certificate"), "{said}");
        // The same server, by a name that its certificate does not have.
        let url = secure.url().replace("localhost", "127.0.0.2");
        let ca = secure.authority.file();
        let output = run_sockeye(&["connect", &url, "--ca", ca.to_str().expect("text")], b"");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    });
}

#[test]
fn who_is_trusted_by_nobody_here_is_not_trusted() {
    beside_a_bystander(&[], |secure| {
        // By the system's authorities, of which ours is none.
        let output = run_sockeye(&["connect", &secure.url()], b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("TLS: "), "{said}");
    });
}

#[test]
fn http_1_1_is_agreed_on_or_nothing() {
    beside_a_bystander(&[], |secure| {
        let offering = |protocols: &[&[u8]]| {
            let mut config = secure.authority.client();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            secure.dial(config)
        };
        let agreed = |protocols| offering(protocols).expect("TLS").conn.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(agreed(&[b"h2", b"http/1.1"]), Some(b"http/1.1".to_vec()));
        assert_eq!(agreed(&[]), None);
        let refused = offering(&[b"h2"]).expect_err("nothing else is spoken here").to_string();
        assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    });
}

#[test]
fn both_versions_of_tls_are_spoken() {
    beside_a_bystander(&[], |secure| {
        for version in [&TLS12, &TLS13] {
            let tls = secure.dial(secure.authority.client_of(&[version])).expect("TLS");
            assert_eq!(tls.conn.protocol_version(), Some(version.version));
        }
    });
}

#[test]
fn what_is_no_tls_is_refused() {
    beside_a_bystander(&[], |secure| {
        let mut plain = Raw::dial(secure.server.address());
        plain.try_send(&Http::get("/").bytes());
        assert!(plain.rest().len() < 20, "an alert at most");
        for noise in [&b"\x16\x03\x01\xff\xff"[..], &[0x16; 300], &[0; 4096]] {
            let mut raw = Raw::dial(secure.server.address());
            raw.try_send(noise);
            raw.shut();
            raw.rest();
        }
        secure.server.log_with("handshake failed");
    });
}

#[test]
fn messages_of_every_size_pass_whole() {
    beside_a_bystander(&[], |secure| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut ws = secure.client().await.expect("a connection");
            for size in [0, 1, 125, 126, 16_383, 16_384, 16_385, 65_536, 1 << 20, 16 << 20] {
                let payload: Vec<u8> = (0..size).map(|at: usize| (at * 7 + at / 251) as u8).collect();
                let Connection { receiver, sender, .. } = &mut ws;
                let (sent, echo) = tokio::join!(sender.binary(&payload), receiver.message());
                sent.expect("it is taken");
                let echo = echo.expect("it holds").expect("an echo");
                assert!(echo.payload == payload, "{size} bytes came back otherwise");
            }
            ws.close(CloseCode::NORMAL, "").await.expect("a clean end");
        });
    });
}

#[test]
fn another_certificate_is_taken_without_losing_anybody() {
    beside_a_bystander(&[], |secure| {
        let other = Authority::default();
        let issued = other.issue(&["localhost"]);
        let own = secure.authority.issue(&["localhost"]);
        std::fs::copy(&issued.cert, &own.cert).expect("a file");
        // The key is still the old one: both stay as they are.
        secure.server.hang_up();
        secure.server.log_with("the certificate and its key stay as they are");
        assert_eq!(secure.connect(&secure.authority).status.code(), Some(0));
        std::fs::copy(&issued.key, &own.key).expect("a file");
        secure.server.hang_up();
        secure.server.log_with("the certificate and its key were read again");
        assert_eq!(secure.connect(&other).status.code(), Some(0));
        assert_eq!(secure.connect(&secure.authority).status.code(), Some(1));
    });
}

#[test]
fn whoever_takes_too_long_over_tls_or_the_head_or_both_is_shed() {
    const EACH: usize = 50;
    beside_a_bystander(&[], |secure| {
        let begun = Instant::now();
        // A client hello that never comes, or never ends.
        let mut silent: Vec<_> = (0..2 * EACH).map(|_| Raw::dial(secure.server.address())).collect();
        silent[EACH..].iter_mut().for_each(|raw| raw.send(b"\x16\x03\x01\x02\x00"));
        // TLS is agreed on after most of the time, and then the request drips.
        let drip = std::thread::scope(|scope| {
            let late = (0..EACH).map(|_| {
                scope.spawn(|| {
                    let name = ServerName::try_from("localhost").expect("a name");
                    let tls = ClientConnection::new(Arc::new(secure.authority.client()), name).expect("a client");
                    let tcp = TcpStream::connect(secure.server.address()).expect("it is accepted");
                    let mut stream = StreamOwned::new(tls, tcp);
                    std::thread::park_timeout(HANDSHAKE / 2);
                    stream.conn.complete_io(&mut stream.sock).expect("in time for TLS");
                    let _ = stream.write_all(b"GET /echo HTTP/1.1\r\n");
                    let mut rest = Vec::new();
                    // However it is cut off: what counts is when.
                    let _ = stream.read_to_end(&mut rest);
                    begun.elapsed()
                })
            });
            late.collect::<Vec<_>>().into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
        });
        silent.iter_mut().for_each(|raw| {
            raw.rest();
        });
        let last = drip.into_iter().max().expect("some").max(begun.elapsed());
        assert!(last > HANDSHAKE * 4 / 5, "they had their time: {last:?}");
        assert!(last < HANDSHAKE * 3, "the last was shed after {last:?}");
        assert!(eventually(|| secure.server.metric("sockeye_connections") == 1.0), "the bystander's alone");
    });
}

#[test]
fn newcomers_are_told_that_it_is_full_over_tls_too() {
    let secure = Secure::start(&["--limit-connections", "1"]);
    let _first = Raw::open(secure.plain, "/echo");
    let (response, _) = Http::get("/").ask(secure.plain);
    assert_eq!(response.status, 503);
    assert!(response.header("Retry-After").is_some());
}

#[test]
fn certificates_that_do_not_fit_are_found_before_the_start() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let stranger = Authority::default();
    let other = stranger.issue(&["localhost"]);
    let empty = NamedTempFile::new().expect("a file");
    let [cert, key, empty] =
        [&issued.cert, &issued.key, &empty.path().to_owned()].map(|path| path.display().to_string());
    let cases = [
        (format!("tls-cert = {cert:?}"), "--tls-cert needs --tls-key"),
        (format!("[tls]\nkey = {key:?}"), "--tls-key needs --tls-cert"),
        (format!("[tls]\ncert = {cert:?}\nkey = {cert:?}"), ":3: tls.key: "),
        (format!("[tls]\ncert = {empty:?}\nkey = {key:?}"), "there is no certificate in it"),
        (format!("[tls]\ncert = \"/nonexistent\"\nkey = {key:?}"), ":2: tls.cert: /nonexistent: "),
        (format!("[tls]\ncert = {cert:?}\nkey = {:?}", other.key.display().to_string()), "KeyMismatch"),
    ];
    for (text, said) in cases {
        let file = NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &text).expect("a file");
        let output = run_sockeye(&["check-config", file.path().to_str().expect("text")], b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}: {stderr}");
        assert!(stderr.contains(said), "{text}: {stderr}");
    }
}

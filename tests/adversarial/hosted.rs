//! Handshakes that hyper reads: in a router of axum, and in a service of hyper over a transport that is no plain socket.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::any;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sockeye_tests::rows::{self, HOSTS, NO_HOSTS, REBOUND_HOSTS, VERSIONS, foreign_origins};
use sockeye_tests::{Bystander, PATIENCE, Raw, Upgrade as Asking, frame, short};
use sockeye_tokio::{Accept, AcceptError, Config, Connection, Error, Kind, Stream, Upgrade};
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::{answer_to, assert_early_frames_are_kept, assert_statuses};

type End = Result<Result<(), Error>, AcceptError>;

/// An echo at /echo in somebody else's server.
struct Hosted {
    address: SocketAddr,
    ends: Receiver<End>,
    _runtime: Runtime,
}

impl Hosted {
    fn axum(config: Config) -> Self {
        Self::start(async move |listener, ended| {
            let echo = move |upgrade| async move { answered(upgrade, config, ended).map(IntoResponse::into_response) };
            axum::serve(listener, Router::new().route("/echo", any(echo))).await.expect("it serves");
        })
    }

    /// What hyper gives back at the end is a box.
    fn hyper(config: Config) -> Self {
        Self::start(async move |listener, ended| {
            loop {
                let (socket, _) = listener.accept().await.expect("a client connects");
                let (config, ended) = (config.clone(), ended.clone());
                let echo = move |request: hyper::Request<hyper::body::Incoming>| {
                    let (mut parts, _) = request.into_parts();
                    let upgrade = Upgrade::new(&mut parts);
                    let answer = upgrade.and_then(|upgrade| answered(upgrade, config.clone(), ended.clone()));
                    async { Ok::<_, Error>(answer.unwrap_or_else(|error| error.to_response())) }
                };
                let io = TokioIo::new(BufReader::new(socket));
                tokio::spawn(http1::Builder::new().serve_connection(io, service_fn(echo)).with_upgrades());
            }
        })
    }

    fn start<F>(serve: impl FnOnce(TcpListener, Sender<End>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (ended, ends) = channel();
        runtime.spawn(serve(listener, ended));
        Hosted { address, ends, _runtime: runtime }
    }
}

/// Answers, and echoes once hyper is done with the connection.
fn answered(upgrade: Upgrade, config: Config, ended: Sender<End>) -> Result<hyper::Response<String>, AcceptError> {
    let (response, connection) = upgrade.accept(config, Accept::default())?;
    tokio::spawn(async move {
        let end = match connection.await {
            Ok(mut ws) => Ok(echo(&mut ws).await),
            Err(error) => Err(error),
        };
        // At the end of a test nobody asks any more.
        let _ = ended.send(end);
    });
    Ok(response)
}

async fn echo(ws: &mut Connection<Stream>) -> Result<(), Error> {
    while let Some(message) = ws.receiver.message().await? {
        ws.sender.send(message.kind, message.payload).await?;
    }
    Ok(())
}

/// Runs a test on both, each beside a bystander.
fn on_both(config: &Config, test: impl Fn(&Hosted)) {
    for hosted in [Hosted::axum(config.clone()), Hosted::hyper(config.clone())] {
        let bystander = Bystander::on(hosted.address);
        test(&hosted);
        bystander.assert_undisturbed();
    }
}

#[test]
fn the_rules_are_those_of_our_own_server() {
    on_both(&Config::default(), |hosted| {
        let cases = [rows::connections(1000), rows::upgrades(426), rows::keys(1000), rows::bodies()];
        assert_statuses(hosted.address, cases.into_iter().flatten().chain(rows::offers("/echo", 1000)).collect());
        let with = |name, value: &str| answer_to(hosted.address, &Asking::to("/echo").set(name, value).bytes());
        for version in VERSIONS {
            let answer = with("Sec-WebSocket-Version", version);
            assert_eq!((answer.status, answer.header("Sec-WebSocket-Version")), (426, Some("13")), "{version:?}");
        }
        for (hosts, status) in [(&HOSTS[..], 101), (&REBOUND_HOSTS[..], 421), (&NO_HOSTS[..], 400)] {
            hosts.iter().for_each(|host| assert_eq!(with("Host", host).status, status, "{host}"));
        }
        let own = hosted.address.to_string();
        for origin in foreign_origins(hosted.address) {
            let asking = Asking::to("/echo").set("Host", &own).with("Origin", &origin);
            assert_eq!(answer_to(hosted.address, &asking.bytes()).status, 403, "{origin:?}");
        }
        let own = Asking::to("/echo").set("Host", &own).with("Origin", &format!("http://{own}"));
        assert_eq!(answer_to(hosted.address, &own.bytes()).status, 101);
    });
}

#[test]
fn frames_in_the_segment_of_the_request_are_kept() {
    on_both(&Config::default(), |hosted| assert_early_frames_are_kept(hosted.address));
}

#[test]
fn deadlines_and_close_codes_are_those_of_our_own_server() {
    on_both(&Config { limits: sockeye_tokio::proto::Limits::message(1000), ..short() }, |hosted| {
        let mut raw = Raw::open(hosted.address, "/echo");
        raw.send(&frame::masked(frame::BINARY, &[7; 900]));
        assert_eq!(raw.frame().expect("an echo").payload, [7; 900]);
        raw.send(&frame::masked(frame::BINARY, &[7; 1001]));
        assert_eq!(raw.close_code(), Some(1009));
        raw.rest();
        let end = hosted.ends.recv_timeout(PATIENCE).expect("the connection ends").expect("it was made");
        assert!(end.is_err(), "{end:?}");

        // A message that does not end.
        let mut raw = Raw::open(hosted.address, "/echo");
        raw.send(&frame::masked(frame::BINARY, &[7; 900])[..20]);
        assert_eq!(raw.close_code(), Some(1008));
    });
}

#[test]
fn a_server_that_makes_no_upgrades_ends_with_an_error() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let end = runtime.block_on(async {
        let headers = [("Host", "localhost"), ("Upgrade", "websocket"), ("Connection", "Upgrade")];
        let request =
            headers.iter().fold(hyper::Request::get("/echo"), |request, (name, value)| request.header(*name, *value));
        let request = request.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", sockeye_tests::KEY);
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let upgrade = Upgrade::new(&mut parts).expect("it is well-formed");
        let (response, connection) = upgrade.accept(Config::default(), Accept::default()).expect("it is allowed");
        assert_eq!(response.status(), 101);
        connection.await.expect_err("there is none")
    });
    assert_eq!(end.to_string(), "the transport failed: this server makes no upgrades");
}

#[test]
fn a_large_message_comes_back_whole() {
    let config = Config { limits: sockeye_tokio::proto::Limits::message(8 << 20), ..Config::default() };
    on_both(&config, |hosted| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let message: Vec<u8> = (0..4 << 20).map(|at: u32| at.to_le_bytes()[at as usize % 3]).collect();
        runtime.block_on(async {
            let url = format!("ws://{}/echo", hosted.address);
            let Connection { mut receiver, mut sender, .. } =
                sockeye_tokio::connect(&url, config.clone()).await.expect("it accepts");
            let (sent, came) = tokio::join!(sender.send(Kind::Binary, &message), receiver.message());
            sent.expect("it is taken");
            assert!(came.expect("it holds").expect("a message").payload == message);
        });
    });
}

//! What RFC 6455 asks of a client beyond frames: when it may connect, when it may speak, and that it stays.

mod common;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use common::raw::{CLOSE, Raw, closing, frame};
use common::wire::pipe;
use common::{connected, patient, run, settle};
use sockeye_tokio::{CloseCode, Config, Connection, connect, connect_over};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn connections_to_one_address_are_made_one_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("ws://{}/", listener.local_addr().expect("an address"));
    let connecting = [connect(&uri, Config::default()), connect(&uri, Config::default())];
    let [first, second] = connecting.map(|connecting| {
        let mut connecting = Box::pin(connecting);
        async move { poll_fn(|cx| connecting.as_mut().poll(cx)).await }
    });
    let serve = async {
        let (held, _) = listener.accept().await.expect("the first connects");
        // A connection on its way to a listener here would be there at once.
        for _ in 0..20 {
            settle().await;
            let another = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx).is_ready())).await;
            assert!(!another, "the second did not wait for the first");
        }
        let held = Raw::server(held).await;
        let (next, _) = listener.accept().await.expect("the second connects");
        (held, Raw::server(next).await)
    };
    let all = async { tokio::join!(first, second, serve) };
    let (first, second, _) = tokio::time::timeout(Duration::from_secs(10), all).await.expect("both connect");
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn a_connection_that_fails_lets_the_next_one_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("ws://{}/", listener.local_addr().expect("an address"));
    let serve = async {
        let (mut refused, _) = listener.accept().await.expect("the first connects");
        refused.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await.expect("it is told");
        let (next, _): (TcpStream, _) = listener.accept().await.expect("the second connects");
        Raw::server(next).await
    };
    let (first, second, _) = tokio::join!(connect(&uri, Config::default()), connect(&uri, Config::default()), serve);
    assert!(first.is_err() != second.is_err(), "{first:?} {second:?}");
}

#[test]
fn nothing_is_sent_before_the_answer() {
    run(async {
        let (client, mut server, up, _down) = pipe(1, 4096);
        up.record();
        let connecting = tokio::spawn(connect_over(client, "ws://localhost/", patient()));
        settle().await;
        let tape = up.tape();
        assert!(tape.starts_with(b"GET / HTTP/1.1\r\n") && tape.ends_with(b"\r\n\r\n"), "more than a request");
        server.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n").await.expect("half an answer");
        settle().await;
        assert_eq!(up.tape(), tape, "something was sent before the answer was whole");
        connecting.abort();
    });
}

#[test]
fn the_reason_of_a_close_is_for_who_asks_for_it() {
    run(async {
        let (client, server, ..) = pipe(1, 4096);
        let serve = async {
            let mut raw = Raw::server(server).await;
            raw.send(&frame(CLOSE, &closing(4000, "of no use to a user"))).await;
            raw.frame().await
        };
        let talk = async {
            let mut ws = connect_over(client, "ws://localhost/", patient()).await.expect("it connects");
            let ended = ws.receiver.message().await.map(|message| message.is_none());
            (ended, ws)
        };
        let (_, (ended, ws)): (_, (_, Connection<_>)) = tokio::join!(serve, talk);
        // Neither an error nor a message: whoever shows those does not show the reason.
        assert_eq!(ended, Ok(true));
        assert_eq!(ws.receiver.close().map(|close| close.reason()), Some("of no use to a user"));
    });
}

#[test]
fn a_client_stays_connected() {
    run(async {
        let (client, server, ..) = pipe(1, 4096);
        let (client, mut server) = connected(client, server, Config::default(), Config::default()).await;
        let Connection { mut receiver, sender: mut to_server, .. } = client;
        let keeping = tokio::spawn(async move { receiver.drain().await });
        let half_a_day = tokio::time::sleep(Duration::from_secs(12 * 3600));
        tokio::select! {
            () = half_a_day => {}
            message = server.receiver.message() => panic!("nothing was sent, but {message:?} came"),
        }
        to_server.text("still here").await.expect("the connection is open");
        let message = server.receiver.message().await.expect("the connection is open");
        assert_eq!(message.and_then(|message| message.text()), Some("still here"));
        server.close(CloseCode::NORMAL, "").await.expect("a clean close");
        keeping.await.expect("it ends").expect("a clean close");
    });
}

#[tokio::test]
async fn a_server_that_answers_by_no_websocket_gets_no_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("ws://{}/", listener.local_addr().expect("an address"));
    let serve = async {
        let (socket, _) = listener.accept().await.expect("it connects");
        let mut raw = Raw::new(socket);
        raw.head().await;
        raw.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let mut after = Vec::new();
        raw.io.read_to_end(&mut after).await.expect("it closes");
        after
    };
    let (connected, after) = tokio::join!(connect(&uri, Config::default()), serve);
    assert!(connected.is_err() && after.is_empty(), "{connected:?}, then {after:?}");
}

//! WebSocket over it, with the real server.

use std::cell::RefCell;

use embedded_io_adapters::tokio_1::FromTokio;
use sockeye_embassy::tls::{self, Buffers, Transport, Trust};
use sockeye_embassy::{Config, ConnectError, Kind, Resources, Uri, connect};
use sockeye_tests::{Authority, Server};
use tokio::net::TcpStream;

use super::run;

const CONFIG: Config<'_> = Config::new().over_tls();
const NOW: Option<u64> = Some(1_795_000_000);

/// A token in the request, a message that is longer than records, a ping inside it, and the close.
#[test]
fn messages_come_back_from_the_server() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let server = Server::start_with(&issued.flags());
    run(async {
        let uri = format!("wss://localhost:{}/echo", server.address().port());
        let uri = Uri::parse(&uri).expect("a URI");
        let (reader, writer) = TcpStream::connect(server.address()).await.expect("it listens").into_split();
        let transport = Transport::new(FromTokio::new(reader), FromTokio::new(writer));
        let mut buffers = Box::new(Buffers::new());
        let trust = Trust::Authority { certificate: authority.der(), now: NOW };
        let session = tls::open(&transport, &mut buffers, uri.host(), trust, &mut rand::rng()).await;
        let mut session = session.expect("it is trusted");
        let (reader, writer) = session.split();
        let mut resources: Resources<'_, _, 1024, 256, _> = Resources::new();
        let ws = connect(reader, writer, &mut resources, &CONFIG, uri, rand::rng()).await.expect("a connection");
        let (mut receiver, mut sender) = (ws.receiver, ws.sender);

        const MESSAGES: usize = 20;
        let sent: Vec<Vec<u8>> = (0..MESSAGES).map(|i| vec![u8::try_from(i).expect("few"); i * i * 100]).collect();
        let came = RefCell::new(Vec::new());
        let send = async {
            for message in &sent {
                sender.ping(b"inside").await.expect("it goes");
                sender.binary(message).await.expect("it goes");
            }
        };
        let receive = async {
            let mut message = Vec::new();
            while came.borrow().len() < MESSAGES {
                let chunk = receiver.next().await.expect("it is whole").expect("it goes on");
                assert_eq!(chunk.kind, Kind::Binary);
                message.extend_from_slice(chunk.payload);
                if chunk.last {
                    came.borrow_mut().push(std::mem::take(&mut message));
                }
            }
        };
        tokio::join!(send, receive);
        assert_eq!(came.into_inner(), sent);
        sender.close(sockeye_embassy::CloseCode::NORMAL, "").await.expect("it goes");
        receiver.drain().await.expect("the server answers it");
    });
}

#[test]
fn a_refusal_is_read_through_it() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let server = Server::start_with(&issued.flags());
    run(async {
        let uri = format!("wss://localhost:{}/nothing", server.address().port());
        let uri = Uri::parse(&uri).expect("a URI");
        let (reader, writer) = TcpStream::connect(server.address()).await.expect("it listens").into_split();
        let transport = Transport::new(FromTokio::new(reader), FromTokio::new(writer));
        let mut buffers = Box::new(Buffers::new());
        let trust = Trust::Authority { certificate: authority.der(), now: NOW };
        let session = tls::open(&transport, &mut buffers, uri.host(), trust, &mut rand::rng()).await;
        let mut session = session.expect("it is trusted");
        let (reader, writer) = session.split();
        let mut resources: Resources<'_, _, 1024, 256, _> = Resources::new();
        let refused = connect(reader, writer, &mut resources, &CONFIG, uri, rand::rng()).await;
        assert!(matches!(refused, Err(ConnectError::Status { status: 404, retry_after: None })), "{refused:?}");
    });
}

//! WebSocket over it, with the real server.

use std::cell::RefCell;

use embedded_io_adapters::tokio_1::FromTokio;
use rand::rngs::ThreadRng;
use sockeye_embassy::proto::Masked;
use sockeye_embassy::tls::{self, Buffers, TlsError, Transport, Trust};
use sockeye_embassy::{CloseCode, Config, ConnectError, Connection, Kind, Resources, Uri, connect};
use sockeye_tests::{Authority, Server};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::run;

const CONFIG: Config<'_> = Config::new().over_tls();
const NOW: Option<u64> = Some(1_795_000_000);

type Reader<'a> = tls::Reader<'a, 'a, FromTokio<OwnedReadHalf>, FromTokio<OwnedWriteHalf>>;
type Writer<'a> = tls::Writer<'a, 'a, FromTokio<OwnedReadHalf>, FromTokio<OwnedWriteHalf>>;
type WebSocket<'a> = Connection<'a, Reader<'a>, Writer<'a>, Masked<ThreadRng>>;

/// Connects to the server there, which an authority vouches for, and does this with what comes of it.
fn dial(path: &str, talk: impl for<'a> AsyncFnOnce(Result<WebSocket<'a>, ConnectError<TlsError>>)) {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let server = Server::start_with(&issued.flags());
    run(async {
        let uri = format!("wss://localhost:{}{path}", server.address().port());
        let uri = Uri::parse(&uri).expect("a URI");
        let (reader, writer) = TcpStream::connect(server.address()).await.expect("it listens").into_split();
        let transport = Transport::new(FromTokio::new(reader), FromTokio::new(writer));
        let mut buffers = Box::new(Buffers::new());
        let trust = Trust::Authority { certificate: authority.der(), now: NOW };
        let session = tls::open(&transport, &mut buffers, uri.host(), trust, &mut rand::rng()).await;
        let mut session = session.expect("it is trusted");
        let (reader, writer) = session.split();
        let mut resources: Resources<'_, _, 1024, 256, _> = Resources::new();
        talk(connect(reader, writer, &mut resources, &CONFIG, uri, rand::rng()).await).await;
    });
}

/// Messages that are longer than records, a ping between each and the next, and the close.
#[test]
fn messages_come_back_from_the_server() {
    dial("/echo", async |ws| {
        let Connection { mut receiver, mut sender, .. } = ws.expect("a connection");
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
        sender.close(CloseCode::NORMAL, "").await.expect("it goes");
        receiver.drain().await.expect("the server answers it");
    });
}

#[test]
fn a_refusal_is_read_through_it() {
    dial("/nothing", async |refused| {
        assert!(matches!(refused, Err(ConnectError::Status { status: 404, retry_after: None })), "{refused:?}");
    });
}

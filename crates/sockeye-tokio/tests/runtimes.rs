//! What is queued goes out on whatever runtime the application is, and wherever it goes.

mod common;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use common::patient;
use common::raw::{self, Raw};
use common::wire::pipe;
use sockeye_tokio::{Config, Connection, Error, Prepared, accept};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Longer than anything here takes: what hangs is to fail.
async fn bounded<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("it hangs")
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A connection that was served by one runtime goes on in another, on the same thread, while the first stands still;
/// then in a third, after the first has ended.
#[test]
fn a_connection_moves_between_runtimes() {
    let (first, second) = (one_thread(), one_thread());
    let (client, server, ..) = pipe(0, 64 * 1024);
    let (mut raw, mut ws) = first.block_on(async {
        let (raw, ws) = tokio::join!(Raw::client(client), accept(server, patient()));
        (raw, ws.expect("it accepts"))
    });
    let exchange = |runtime: &Runtime, raw: &mut Raw<_>, ws: &mut Connection<_>, text: &str| {
        runtime.block_on(bounded(async {
            raw.send(&[raw::masked(raw::TEXT, b"1"), raw::masked(raw::TEXT, b"2")].concat()).await;
            ws.receiver.message().await.unwrap().unwrap();
            // The receiver holds the second message, so that this is only queued; so is the next.
            ws.sender.text(text).await.unwrap();
            ws.sender.mailbox(1 << 20).post(&Prepared::text("posted")).unwrap();
            for expected in [text, "posted"] {
                assert_eq!(raw.frame().await.unwrap().payload, expected.as_bytes());
            }
            ws.receiver.message().await.unwrap().unwrap();
        }));
    };
    exchange(&first, &mut raw, &mut ws, "by the first");
    exchange(&second, &mut raw, &mut ws, "by the second");
    exchange(&first, &mut raw, &mut ws, "by the first again");
    drop(first);
    exchange(&second, &mut raw, &mut ws, "after the first's end");
    drop(second);
    exchange(&one_thread(), &mut raw, &mut ws, "by a third");
}

/// Bursts over TCP on a runtime of many threads, the two halves in tasks of their own: each answer comes, in its order.
#[test]
fn bursts_are_answered_on_many_threads() {
    const CONNECTIONS: u32 = 16;
    const BURSTS: u32 = 50;
    const MESSAGES: u32 = 20;
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(Config::default());
        let serve = tokio::spawn(async move {
            for _ in 0..CONNECTIONS {
                let (socket, _) = listener.accept().await.unwrap();
                let config = config.clone();
                tokio::spawn(async move {
                    let Connection { mut receiver, mut sender, .. } = accept(socket, config).await.unwrap();
                    let (queue, mut answers) = tokio::sync::mpsc::unbounded_channel::<String>();
                    let write = tokio::spawn(async move {
                        while let Some(answer) = answers.recv().await {
                            sender.text(&answer).await?;
                        }
                        Ok::<(), Error>(())
                    });
                    while let Some(message) = receiver.message().await.unwrap() {
                        let _ = queue.send(message.text().unwrap_or_default().to_owned());
                    }
                    drop(queue);
                    // The close may be faster than the last answers: the client has them all by then.
                    let _ = write.await.unwrap();
                });
            }
        });
        let clients = (0..CONNECTIONS).map(|client| {
            tokio::spawn(async move {
                let mut raw = Raw::client(TcpStream::connect(address).await.unwrap()).await;
                for burst in 0..BURSTS {
                    let texts: Vec<String> = (0..MESSAGES).map(|id| format!("{client} {burst} {id}")).collect();
                    let frames: Vec<u8> =
                        texts.iter().flat_map(|text| raw::masked(raw::TEXT, text.as_bytes())).collect();
                    raw.send(&frames).await;
                    for text in texts {
                        assert_eq!(raw.frame().await.unwrap().payload, text.as_bytes());
                    }
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        serve.await.unwrap();
    }));
}

/// A transport that panics when it is written to, once it is told to.
struct Panics<S>(S, Arc<AtomicBool>);

impl<S: AsyncRead + Unpin> AsyncRead for Panics<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Panics<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!self.1.load(Ordering::Relaxed), "this transport was told to panic");
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// One whose transport panics while the runner writes keeps nobody else from being written.
#[test]
fn a_transport_that_panics_is_alone_with_it() {
    one_thread().block_on(bounded(async {
        let panics = Arc::new(AtomicBool::new(false));
        let ((one, its_server, ..), (other, server, ..)) = (pipe(0, 4096), pipe(1, 4096));
        let its_server = Panics(its_server, panics.clone());
        let (_one, broken) = tokio::join!(Raw::client(one), accept(its_server, patient()));
        let (mut raw, ws) = tokio::join!(Raw::client(other), accept(server, patient()));
        let (broken, ws) = (broken.expect("it accepts"), ws.expect("it accepts"));
        panics.store(true, Ordering::Relaxed);
        for text in ["by the same turn", "by a later one"] {
            // The broken one is first in the runner's list; of the second turn it may be left out.
            let _ = broken.sender.mailbox(1 << 20).post(&Prepared::text("never written"));
            ws.sender.mailbox(1 << 20).post(&Prepared::text(text)).unwrap();
            assert_eq!(raw.frame().await.unwrap().payload, text.as_bytes());
        }
    }));
}

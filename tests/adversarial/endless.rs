//! A transport that always has bytes to read, as a peer has that sends without a pause: deadlines hold all the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sockeye_tests::frame::{BINARY_BEGINS, CONTINUES, PONG, masked};
use sockeye_tests::{Upgrade, beside_a_bystander as client_test, short};
use sockeye_tokio::{Config, Error, accept};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads a beginning, then the same frame again and again. As every transport of tokio's it uses up its task's budget
/// for cooperation, so that others have their turn.
struct Endless {
    beginning: Vec<u8>,
    frame: Vec<u8>,
}

impl Endless {
    fn new(beginning: &[u8], frame: Vec<u8>) -> Self {
        Endless { beginning: [&Upgrade::to("/").bytes(), beginning].concat(), frame }
    }
}

impl AsyncRead for Endless {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        while buf.remaining() > 0 {
            if self.beginning.is_empty() {
                self.beginning = self.frame.repeat(16);
            }
            let len = self.beginning.len().min(buf.remaining());
            buf.put_slice(&self.beginning[..len]);
            self.beginning.drain(..len);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn the_deadline_of_a_message() {
    client_test(async {
        let endless = Endless::new(&masked(BINARY_BEGINS, b"begun"), masked(CONTINUES, b""));
        let mut ws = accept(endless, short()).await.expect("it is a request");
        assert_eq!(ws.receiver.message().await, Err(Error::MessageTimeout));
    });
}

#[test]
fn the_deadline_of_a_close() {
    client_test(async {
        let mut ws = accept(Endless::new(b"", masked(PONG, b"")), short()).await.expect("it is a request");
        ws.sender.close(sockeye_tokio::CloseCode::NORMAL, "").await.expect("it is taken");
        assert_eq!(ws.receiver.message().await, Err(Error::CloseTimeout));
    });
}

#[test]
fn the_deadline_of_an_idle_connection() {
    client_test(async {
        let config = Config { idle_timeout: Some(short().message_timeout), ..short() };
        let mut ws = accept(Endless::new(b"", masked(PONG, b"")), config).await.expect("it is a request");
        assert_eq!(ws.receiver.message().await, Err(Error::IdleTimeout));
    });
}

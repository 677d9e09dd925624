//! What a client connects by.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(feature = "hyper")]
use hyper::upgrade::Upgraded;
#[cfg(feature = "hyper")]
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The transport of [`connect`](crate::connect), TCP or TLS above it, and of what hyper served before.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
    #[cfg(feature = "hyper")]
    Upgraded(Box<TokioIo<Upgraded>>),
}

impl Stream {
    pub(crate) fn tcp(tcp: TcpStream) -> Self {
        Stream(Inner::Tcp(tcp))
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(tls: tokio_rustls::client::TlsStream<TcpStream>) -> Self {
        Stream(Inner::Tls(Box::new(tls)))
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn upgraded(upgraded: TokioIo<Upgraded>) -> Self {
        Stream(Inner::Upgraded(Box::new(upgraded)))
    }
}

/// Does the same with whatever it is.
macro_rules! either {
    ($stream:expr, $io:ident => $do:expr) => {
        match &mut $stream.get_mut().0 {
            Inner::Tcp($io) => {
                let $io = Pin::new($io);
                $do
            }
            #[cfg(feature = "tls")]
            Inner::Tls($io) => {
                let $io = Pin::new($io);
                $do
            }
            #[cfg(feature = "hyper")]
            Inner::Upgraded($io) => {
                let $io = Pin::new($io);
                $do
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, io => io.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, io => io.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, io => io.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Inner::Tcp(io) => io.is_write_vectored(),
            #[cfg(feature = "tls")]
            Inner::Tls(io) => io.is_write_vectored(),
            #[cfg(feature = "hyper")]
            Inner::Upgraded(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, io => io.poll_shutdown(cx))
    }
}

//! A server's frame: what every one of them does in the same way.

use std::future::Future;
use std::io;

use clap::{Parser, ValueEnum};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::heap;

/// What a server does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// They go back.
    Echo,
    /// They are read and dropped.
    Receive,
    /// What one sends, all others get.
    Broadcast,
}

#[derive(Parser)]
struct Args {
    mode: Mode,
}

/// What the command line asks for.
pub fn mode() -> Mode {
    Args::parse().mode
}

/// Serves every connection by a task of its own. Two addresses are printed: that of the server, and one that tells
/// whoever connects how many bytes the server holds on its heap.
///
/// # Errors
/// If it cannot listen.
pub fn serve<F>(serve: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    crate::raise_descriptors();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let heap = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        println!("heap: tcp://{}", heap.local_addr()?);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (socket, _) = accepted?;
                    socket.set_nodelay(true)?;
                    tokio::spawn(serve(socket));
                }
                asked = heap.accept() => asked?.0.write_all(heap::held().to_string().as_bytes()).await?,
            }
        }
    })
}

//! What the echo servers share: each is one current-thread runtime, prints its address, and serves until it is ended.

use std::future::Future;
use std::io;

use tokio::net::{TcpListener, TcpStream};

/// Serves every connection by a task of its own.
///
/// # Errors
/// If it cannot listen.
pub fn serve<F>(echo: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(echo(socket));
        }
    })
}

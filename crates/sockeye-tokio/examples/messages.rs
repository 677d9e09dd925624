//! An echo server for those who think in streams:
//! `cargo run -p sockeye-tokio --features futures --example messages [ADDRESS]`.

use futures_util::StreamExt as _;
use sockeye_tokio::{Config, Messages, accept};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("echo on ws://{}/", listener.local_addr()?);
    loop {
        let (socket, peer) = listener.accept().await?;
        tokio::spawn(async move {
            let connection = match accept(socket, Config::default()).await {
                Ok(connection) => connection,
                Err(error) => return eprintln!("{peer}: {error}"),
            };
            let (sink, stream) = Messages::new(connection).split();
            if let Err(error) = stream.forward(sink).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

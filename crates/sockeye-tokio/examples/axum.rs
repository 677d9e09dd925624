//! An echo in a router of axum: `cargo run -p sockeye-tokio --features axum --example axum [ADDRESS]`.
//!
//! `axum::serve` does not bound how long a request may take to come. Behind no proxy that does, serve the router by hyper,
//! as examples/hyper.rs does.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use sockeye_tokio::{Accept, AcceptError, Config, Upgrade};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("echo on ws://{}/echo", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/echo", get(echo))).await
}

async fn echo(upgrade: Upgrade) -> Result<impl IntoResponse, AcceptError> {
    let (response, connection) = upgrade.accept(Config::default(), Accept::default())?;
    tokio::spawn(async move {
        let mut ws = connection.await?;
        while let Some(message) = ws.receiver.message().await? {
            ws.sender.send(message.kind, message.payload).await?;
        }
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    });
    Ok(response)
}

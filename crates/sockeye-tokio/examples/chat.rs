//! A chat server: `cargo run -p sockeye-tokio --example chat [ADDRESS]`. What one says, all hear.

use std::sync::{Arc, Mutex};

use sockeye_tokio::{Config, Connection, Error, Mailbox, Prepared, accept};
use tokio::net::{TcpListener, TcpStream};

type Room = Arc<Mutex<Vec<Mailbox>>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("chat on ws://{}/", listener.local_addr()?);
    let room = Room::default();
    loop {
        let (socket, peer) = listener.accept().await?;
        let room = room.clone();
        tokio::spawn(async move {
            let ended = match accept(socket, Config::default()).await {
                Ok(mut ws) => chat(&mut ws, &room).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            println!("{peer}: {}", ended.err().as_deref().unwrap_or("bye"));
        });
    }
}

async fn chat(ws: &mut Connection<TcpStream>, room: &Room) -> Result<(), Error> {
    room.lock().expect("not poisoned").retain(|member| !member.is_closed());
    room.lock().expect("not poisoned").push(ws.sender.mailbox(64 * 1024));
    while let Some(message) = ws.receiver.message().await? {
        let Some(text) = message.text() else { continue };
        let said = Prepared::text(text);
        // One who is 64 KiB behind misses it, and delays nobody; one who is gone is forgotten.
        let stays = |member: &Mailbox| matches!(member.post(&said), Ok(()) | Err(Error::SlowPeer));
        room.lock().expect("not poisoned").retain(stays);
    }
    Ok(())
}

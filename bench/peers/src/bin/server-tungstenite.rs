//! tokio-tungstenite: `Stream` and `Sink`, one `send` for each message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{ready, select};
use futures_util::stream::poll_fn;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use sockeye_bench::{Mode, mode, serve};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{Message, Result};

/// The members of the room.
type Members = Arc<Mutex<BTreeMap<usize, UnboundedSender<Message>>>>;

fn main() -> std::io::Result<()> {
    // An end is the peer's affair: what fails is not looked at.
    match mode() {
        Mode::Echo => serve(|socket| async move {
            let _ = echo(socket).await;
        }),
        Mode::Receive => serve(|socket| async move {
            let _ = receive(socket).await;
        }),
        Mode::Broadcast => {
            let members = Members::default();
            serve(move |socket| {
                let members = members.clone();
                async move {
                    let _ = member(socket, members).await;
                }
            })
        }
    }
}

async fn echo(socket: TcpStream) -> Result<()> {
    let mut ws = accept_async(socket).await?;
    while let Some(message) = ws.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

async fn receive(socket: TcpStream) -> Result<()> {
    let mut ws = accept_async(socket).await?;
    while let Some(message) = ws.next().await {
        std::hint::black_box(message?);
    }
    Ok(())
}

async fn member(socket: TcpStream, members: Members) -> Result<()> {
    let (outgoing, incoming) = accept_async(socket).await?.split();
    let (sender, mut receiver) = unbounded_channel();
    let members = || members.lock().unwrap_or_else(PoisonError::into_inner);
    let own = {
        let mut members = members();
        let own = members.last_key_value().map_or(0, |(last, _)| last + 1);
        members.insert(own, sender);
        own
    };
    let said = incoming.try_for_each(|message| {
        if message.is_text() || message.is_binary() {
            for (_, other) in members().iter().filter(|(id, _)| **id != own) {
                // A member that has gone gets nothing more.
                let _ = other.send(message.clone());
            }
        }
        ready(Ok(()))
    });
    let heard = poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok).forward(outgoing);
    select(said, heard).await;
    members().remove(&own);
    Ok(())
}

//! sockeye-tokio: the plain loop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sockeye_bench::{Mode, mode, serve};
use sockeye_tokio::{Config, Mailbox, Prepared, accept};

/// The members of the room.
type Members = Arc<Mutex<BTreeMap<usize, Mailbox>>>;

/// How many bytes may wait for a member.
const BEHIND: usize = 1 << 20;

fn main() -> std::io::Result<()> {
    // Memory is also measured without a timer for each connection.
    let mut config = Config::default();
    if std::env::var("KEEPALIVE").is_ok_and(|set| set == "off") {
        config.ping_interval = None;
    }
    let config = Arc::new(config);
    // An end is the peer's affair: what fails is not looked at.
    match mode() {
        Mode::Echo => serve(move |socket| {
            let config = config.clone();
            async move {
                let Ok(mut ws) = accept(socket, config).await else { return };
                while let Ok(Some(message)) = ws.receiver.message().await {
                    if ws.sender.send(message.kind, message.payload).await.is_err() {
                        return;
                    }
                }
            }
        }),
        Mode::Receive => serve(move |socket| {
            let config = config.clone();
            async move {
                let Ok(mut ws) = accept(socket, config).await else { return };
                while let Ok(Some(message)) = ws.receiver.message().await {
                    std::hint::black_box(message.payload);
                }
            }
        }),
        Mode::Broadcast => {
            let members = Members::default();
            serve(move |socket| {
                let (config, members) = (config.clone(), members.clone());
                async move {
                    let Ok(mut ws) = accept(socket, config).await else { return };
                    let members = || members.lock().unwrap_or_else(PoisonError::into_inner);
                    let own = members().last_key_value().map_or(0, |(last, _)| last + 1);
                    members().insert(own, ws.sender.mailbox(BEHIND));
                    while let Ok(Some(message)) = ws.receiver.message().await {
                        let prepared = Prepared::binary(message.payload);
                        for (_, other) in members().iter().filter(|(id, _)| **id != own) {
                            // A member that is too far behind misses it, which the load would notice.
                            let _ = other.post(&prepared);
                        }
                    }
                    members().remove(&own);
                }
            })
        }
    }
}

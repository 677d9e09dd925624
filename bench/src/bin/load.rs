//! Load for an echo server: `load ADDRESS CONNECTIONS BYTES IN_FLIGHT MESSAGES text|binary|raw`. Every echoed byte is
//! compared; `raw` expects the frames as they were sent, masked. Prints how many messages a second came back.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;

type Failure = Box<dyn Error + Send + Sync>;

struct Load {
    /// The frame that is sent, masked, and the one that is to come back.
    sent: Vec<u8>,
    echoed: Vec<u8>,
    in_flight: usize,
    messages: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, bytes, in_flight, messages, kind] = &args[..] else {
        return Err("usage: load ADDRESS CONNECTIONS BYTES IN_FLIGHT MESSAGES text|binary|raw".into());
    };
    let connections: usize = connections.parse()?;
    let opcode = if kind == "text" { 1 } else { 2 };
    let payload: Vec<u8> = (0..bytes.parse()?).map(|at: usize| b'a' + (at % 23) as u8).collect();
    let sent = frame(opcode, &payload, Some(rand::random()));
    let load = Arc::new(Load {
        echoed: if kind == "raw" { sent.clone() } else { frame(opcode, &payload, None) },
        sent,
        in_flight: in_flight.parse()?,
        messages: messages.parse::<usize>()? / connections,
    });

    let mut sockets = Vec::new();
    for _ in 0..connections {
        sockets.push(open(address).await?);
    }
    let start = Instant::now();
    let mut tasks = Vec::new();
    for socket in sockets {
        let (read, write) = socket.into_split();
        let room = Arc::new(Semaphore::new(load.in_flight));
        tasks.push(tokio::spawn(send(load.clone(), write, room.clone())));
        tasks.push(tokio::spawn(receive(load.clone(), read, room)));
    }
    for task in tasks {
        task.await??;
    }
    println!("{:.0}", (load.messages * connections) as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

async fn open(address: &str) -> Result<TcpStream, Failure> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 101 ") { Ok(socket) } else { Err("the server did not accept".into()) }
}

/// Sends whenever there is room, as many messages as there is room for by one write.
async fn send(load: Arc<Load>, mut write: OwnedWriteHalf, room: Arc<Semaphore>) -> Result<(), Failure> {
    let batch = load.sent.repeat(load.in_flight);
    let mut left = load.messages;
    while left > 0 {
        room.acquire().await?.forget();
        let more = room.available_permits().min(left - 1);
        room.acquire_many(more as u32).await?.forget();
        write.write_all(&batch[..(1 + more) * load.sent.len()]).await?;
        left -= 1 + more;
    }
    // The other half is still to read the last answers.
    write.forget();
    Ok(())
}

/// Compares what comes back, and makes room for each whole message.
async fn receive(load: Arc<Load>, mut read: OwnedReadHalf, room: Arc<Semaphore>) -> Result<(), Failure> {
    let mut buffer = vec![0; 256 * 1024];
    let (mut at, mut left) = (0, load.messages);
    while left > 0 {
        let len = read.read(&mut buffer).await?;
        if len == 0 {
            return Err("the server ended the connection".into());
        }
        let mut came = &buffer[..len];
        let mut whole = 0;
        while !came.is_empty() {
            let len = came.len().min(load.echoed.len() - at);
            let (now, later) = came.split_at(len);
            if now != &load.echoed[at..at + len] {
                return Err("what came back is not what was sent".into());
            }
            (at, came) = ((at + len) % load.echoed.len(), later);
            whole += usize::from(at == 0);
        }
        left -= whole;
        room.add_permits(whole);
    }
    Ok(())
}

/// A frame with FIN, by an encoder of its own.
fn frame(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..126 => frame.push(masked | len as u8),
        len @ 126..65_536 => {
            frame.push(masked | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(masked | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let key = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

//! The limit: what TCP itself costs. After the handshake bytes are bytes, through one buffer of 64 KiB that all
//! connections share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

use sockeye_bench::{Mode, mode, serve};
use sockeye_tokio::proto::{Request, Response};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const BUFFER: usize = 64 * 1024;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// The members of a room.
type Members = Arc<Mutex<BTreeMap<usize, OwnedWriteHalf>>>;
/// All rooms, by their paths.
type Rooms = Arc<Mutex<BTreeMap<String, Members>>>;

fn main() -> io::Result<()> {
    // An end is the peer's affair: what fails is not looked at.
    match mode() {
        Mode::Echo => serve(|mut socket| async move {
            if open(&mut socket).await.is_some() {
                let _ = echo(socket).await;
            }
        }),
        Mode::Receive => serve(|mut socket| async move {
            if open(&mut socket).await.is_some() {
                let _ = receive(socket).await;
            }
        }),
        Mode::Broadcast => {
            let rooms = Rooms::default();
            serve(move |mut socket| {
                let rooms = rooms.clone();
                async move {
                    if let Some(path) = open(&mut socket).await {
                        let room =
                            rooms.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default().clone();
                        let _ = member(socket, room).await;
                    }
                }
            })
        }
    }
}

async fn echo(socket: TcpStream) -> io::Result<()> {
    let (mut read, mut write) = socket.into_split();
    loop {
        let (len, rest) = with_read(&mut read, |bytes| Ok(rest(&write, bytes)?.to_vec())).await?;
        write.write_all(&rest).await?;
        if len == 0 {
            return Ok(());
        }
    }
}

async fn receive(socket: TcpStream) -> io::Result<()> {
    let (mut read, _write) = socket.into_split();
    while with_read(&mut read, |_| Ok(())).await?.0 > 0 {}
    Ok(())
}

/// What one member says is written to all others as it came, at once.
async fn member(socket: TcpStream, members: Members) -> io::Result<()> {
    let (mut read, write) = socket.into_split();
    let members = || members.lock().unwrap_or_else(PoisonError::into_inner);
    let own = members().last_key_value().map_or(0, |(last, _)| last + 1);
    members().insert(own, write);
    loop {
        let read = with_read(&mut read, |bytes| {
            for (_, other) in members().iter().filter(|(id, _)| **id != own) {
                if !rest(other, bytes)?.is_empty() {
                    return Err(io::Error::other("a member is behind"));
                }
            }
            Ok(())
        });
        if !read.await.is_ok_and(|(len, ())| len > 0) {
            members().remove(&own);
            return Ok(());
        }
    }
}

/// Reads to the shared buffer and hands on what came, and how much it was.
async fn with_read<T>(
    socket: &mut OwnedReadHalf,
    mut then: impl FnMut(&[u8]) -> io::Result<T>,
) -> io::Result<(usize, T)> {
    poll_fn(|cx| {
        SHARED.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer))?;
            let bytes = buffer.filled();
            Poll::Ready(then(bytes).map(|done| (bytes.len(), done)))
        })
    })
    .await
}

/// What of `bytes` the socket does not take.
fn rest<'b>(socket: &OwnedWriteHalf, mut bytes: &'b [u8]) -> io::Result<&'b [u8]> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Makes the handshake: the path that was asked for.
async fn open(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let (request, _) = Request::parse(&head).ok()??;
    let mut out = [0; 256];
    let len = Response::accept(&request, None).ok()?.write(&mut out).ok()?;
    socket.write_all(&out[..len]).await.ok()?;
    Some(request.path().to_owned())
}

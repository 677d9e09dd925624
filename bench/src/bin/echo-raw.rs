//! The limit: after the handshake every byte goes back as it came, 64 KiB at a time.

use sockeye_tokio::proto::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn main() -> std::io::Result<()> {
    sockeye_bench::serve(async |mut socket| {
        if open(&mut socket).await.is_none() {
            return;
        }
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(len @ 1..) = socket.read(&mut buffer).await {
            if socket.write_all(&buffer[..len]).await.is_err() {
                return;
            }
        }
    })
}

async fn open(socket: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let (request, _) = Request::parse(&head).ok()??;
    let mut out = [0; 256];
    let len = Response::accept(&request, None).ok()?.write(&mut out).ok()?;
    socket.write_all(&out[..len]).await.ok()
}

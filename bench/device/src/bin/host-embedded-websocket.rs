//! `embedded-websocket` over TCP.

use device_bench::echo::embedded_websocket::{BUFFERS, serve};
use device_bench::host::{buffer, listen};

fn main() -> std::io::Result<()> {
    let [read, message, write] = BUFFERS;
    let header = write - message;
    let message = buffer(message);
    listen(move |mut stream| {
        let mut buffers = [read, message, message + header].map(|len| vec![0; len]);
        let [read, message, write] = &mut buffers;
        let _ = serve(&mut stream, read, message, write);
    })
}

//! `websocketz` over TCP.

use device_bench::echo::websocketz::{BUFFERS, serve};
use device_bench::host::{buffer, listen};
use embassy_futures::block_on;

fn main() -> std::io::Result<()> {
    let [read, write, message] = BUFFERS;
    let headers = [read - message, write - message];
    let message = buffer(message);
    listen(move |stream| {
        let mut buffers = [message + headers[0], message + headers[1], message].map(|len| vec![0; len]);
        let [read, write, message] = &mut buffers;
        let _ = block_on(serve(stream, read, write, message));
    })
}

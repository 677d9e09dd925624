//! `edge-ws` over TCP.

use device_bench::echo::edge_ws::{BUFFERS, serve};
use device_bench::host::{buffer, listen};
use embassy_futures::block_on;

fn main() -> std::io::Result<()> {
    let message = buffer(BUFFERS);
    listen(move |stream| {
        let _ = block_on(serve(stream, &mut vec![0; message]));
    })
}

//! `picoserve` over TCP.

use device_bench::echo::picoserve::{BUFFERS, serve};
use device_bench::host::{Tcp, buffer, listen};
use embassy_futures::block_on;

fn main() -> std::io::Result<()> {
    let [http, message] = BUFFERS;
    let message = buffer(message);
    listen(move |stream: Tcp| {
        let Ok(reader) = stream.half() else { return };
        block_on(serve(reader, stream, &mut vec![0; http], || vec![0; message]));
    })
}

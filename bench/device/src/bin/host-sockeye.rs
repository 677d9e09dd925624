//! `sockeye-embassy` over TCP.

use device_bench::echo::sockeye::serve;
use device_bench::host::{Tcp, listen};
use embassy_futures::block_on;

fn main() -> std::io::Result<()> {
    listen(|stream: Tcp| {
        let Ok(reader) = stream.half() else { return };
        let _ = block_on(serve(reader, stream));
    })
}

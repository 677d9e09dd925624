//! Every message comes back, chunk by chunk: messages of any size through 1 KiB of memory.

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::Error as TcpError;
use sockeye_embassy::{App, Error, Place, TcpConnection};

use crate::CLIENTS;
use crate::config::CONFIG;

/// Serves on port 80 as soon as the network has an address.
///
/// # Panics
///
/// When it is called again.
pub async fn run(spawner: Spawner, stack: Stack<'static>) {
    for place in crate::listen(spawner, stack).await {
        spawner.spawn(client(place).expect("there is a task for each place"));
    }
}

#[embassy_executor::task(pool_size = CLIENTS)]
async fn client(place: Place<'static>) {
    place.serve(&CONFIG, &Echo).await;
}

struct Echo;

impl App for Echo {
    async fn serve(&self, ws: &mut TcpConnection<'_>) -> Result<(), Error<TcpError>> {
        while let Some(chunk) = ws.receiver.next().await? {
            ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
        }
        Ok(())
    }
}

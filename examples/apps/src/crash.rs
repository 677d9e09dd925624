//! Ends badly when it is asked to: for the tests of how a machine tells its end.

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::Error as TcpError;
use sockeye_embassy::{App, Error, Page, Place, TcpConnection};

use crate::CLIENTS;
use crate::config::CONFIG;

/// Panics at a GET of `/panic`, and calls `fault` at one of `/fault`, which is to do what the machine does not allow.
///
/// # Panics
///
/// When it is asked to, or called again.
pub async fn run(spawner: Spawner, stack: Stack<'static>, fault: fn() -> !) {
    for place in crate::listen(spawner, stack).await {
        spawner.spawn(client(place, fault).expect("there is a task for each place"));
    }
}

#[embassy_executor::task(pool_size = CLIENTS)]
async fn client(place: Place<'static>, fault: fn() -> !) {
    place.serve(&CONFIG, &Crash { fault }).await;
}

struct Crash {
    fault: fn() -> !,
}

impl App for Crash {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/panic" => panic!("asked to"),
            "/fault" => (self.fault)(),
            _ => None,
        }
    }

    async fn serve(&self, ws: &mut TcpConnection<'_>) -> Result<(), Error<TcpError>> {
        ws.receiver.drain().await
    }
}

//! A wire that can be cut.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Leads to a server, as long as the process is there.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    wires: Arc<Mutex<Wires>>,
}

#[derive(Debug)]
struct Wires {
    /// None while it is cut.
    server: Option<SocketAddr>,
    sockets: Vec<TcpStream>,
}

impl Relay {
    /// To this server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let wires = Arc::new(Mutex::new(Wires { server: Some(server), sockets: Vec::new() }));
        let relay = Relay { address, wires };
        let wires = relay.wires.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client connects");
                let mut wires = wires.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(Ok(server)) = wires.server.map(TcpStream::connect) else { continue };
                let clone = |stream: &TcpStream| stream.try_clone().expect("a socket");
                wires.sockets.extend([clone(&client), clone(&server)]);
                let back = (clone(&server), clone(&client));
                thread::spawn(move || pass(client, server));
                thread::spawn(move || pass(back.0, back.1));
            }
        });
        relay
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to this server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        self.wires().server = Some(server);
    }

    /// Cuts all connections that there are, and makes no new ones until it leads to a server again.
    pub fn cut(&self) {
        let mut wires = self.wires();
        wires.server = None;
        for socket in wires.sockets.drain(..) {
            // One side may be gone.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on what comes, and the end.
pub fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

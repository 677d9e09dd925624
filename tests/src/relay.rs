//! A wire that can be cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether those who are connected now hear nothing of the server any more.
    deaf: Arc<AtomicBool>,
}

impl Relay {
    /// To this server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let wires = Arc::new(Mutex::new(Wires { server: Some(server), sockets: Vec::new(), deaf: Arc::default() }));
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
                let deaf = wires.deaf.clone();
                thread::spawn(move || pass(client, server));
                thread::spawn(move || pass_unless(back.0, back.1, &deaf));
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

    /// From now on those who are connected are heard by the server, and hear nothing of it.
    pub fn deafen(&self) {
        self.wires().deaf.store(true, Ordering::Relaxed);
    }

    /// Cuts all connections that there are, and makes no new ones until it leads to a server again.
    pub fn cut(&self) {
        let mut wires = self.wires();
        wires.server = None;
        wires.deaf = Arc::default();
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
pub fn pass(from: TcpStream, to: TcpStream) {
    pass_unless(from, to, &AtomicBool::new(false));
}

/// The same; what comes when `deaf` is set is lost.
fn pass_unless(mut from: TcpStream, mut to: TcpStream, deaf: &AtomicBool) {
    let mut buffer = [0; 8 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        if !deaf.load(Ordering::Relaxed) && to.write_all(&buffer[..len]).is_err() {
            // Who is gone takes nothing any more, and the other one has to hear of it.
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

//! The listeners: one a thread for the same address, or those that a service manager hands over.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

/// So many connections may wait at a listener to be accepted.
const BACKLOG: i32 = 1024;

/// As many listeners for an address as there are threads.
pub(crate) fn listen(address: SocketAddr, flag: &str, threads: usize) -> Result<Vec<TcpListener>, String> {
    bind(address, threads).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken; end what listens there, or choose another port with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{address} needs privileges; choose a port above 1023 with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; see {flag}"),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// What a service manager listens on in our place (`LISTEN_FDS`), a listener a thread; none if it does not.
pub(crate) fn inherited(threads: usize) -> Result<Vec<TcpListener>, String> {
    let take = || {
        let mut given = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..given.len() {
            listeners.extend(given.take_tcp_listener(index)?);
        }
        let count = listeners.len();
        // Where they are fewer than the threads, several threads accept from one.
        while count > 0 && listeners.len() < threads {
            listeners.push(listeners[listeners.len() - count].try_clone()?);
        }
        listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        Ok(listeners)
    };
    take().map_err(|error: io::Error| format!("what LISTEN_FDS hands over is no TCP listener: {error}"))
}

/// Each thread accepts for itself: the kernel gives every connection to one of the listeners.
#[cfg(target_os = "linux")]
fn bind(address: SocketAddr, threads: usize) -> io::Result<Vec<TcpListener>> {
    let first = socket(address)?;
    // Not before it is bound: a port that others share is taken, too.
    first.set_reuse_port(true)?;
    let mut listeners = vec![listening(first)?];
    let address = listeners[0].local_addr()?;
    for _ in 1..threads {
        let next = unbound(address)?;
        next.set_reuse_port(true)?;
        next.bind(&address.into())?;
        listeners.push(listening(next)?);
    }
    Ok(listeners)
}

/// The threads accept from one listener: elsewhere the kernel does not share connections out.
#[cfg(not(target_os = "linux"))]
fn bind(address: SocketAddr, threads: usize) -> io::Result<Vec<TcpListener>> {
    let first = listening(socket(address)?)?;
    let mut listeners = (1..threads).map(|_| first.try_clone()).collect::<io::Result<Vec<_>>>()?;
    listeners.push(first);
    Ok(listeners)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(address)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a server that just ended are no reason to wait. (On Windows it would mean something else.)
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn listening(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

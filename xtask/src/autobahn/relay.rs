//! A relay between kosoku and a peer that always reads.
//!
//! kosoku writes a whole message before it reads the first byte of the answer. A peer that echoes a message
//! while it arrives, as ours does, and stops reading when its answer is not taken, would wait for kosoku for
//! ever once a message (9.1.6: 16 MiB) is larger than the kernel's buffers: measured at about 14 MiB on
//! loopback. The relay takes what either side sends at once, holds it, and passes it on unchanged, with the
//! end of each direction. wstest reads while it writes and needs no relay.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

/// Accepts until dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Relay {
    /// Listens on a free port for connections to a peer.
    pub(crate) fn start(peer: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            for incoming in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                // A connection that cannot be relayed is dropped: to the judge that is a peer that hung up.
                let _ = incoming.and_then(|near| connect(near, peer));
            }
        });
        Ok(Self { address, over })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn connect(near: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let far = TcpStream::connect(peer)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    one_way(near.try_clone()?, far.try_clone()?);
    one_way(far, near);
    Ok(())
}

/// Reads without pause on one thread and writes on another.
fn one_way(mut from: TcpStream, to: TcpStream) {
    let (queue, waiting) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if queue.send(buffer[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        let mut to = to;
        for bytes in waiting {
            if to.write_all(&bytes).is_err() {
                // Nobody takes it any more: the other direction is to end as well.
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_is_written_before_anything_is_read() -> io::Result<()> {
        const SIZE: usize = 24 << 20;
        let echo = TcpListener::bind("127.0.0.1:0")?;
        let relay = Relay::start(echo.local_addr()?)?;
        let peer = thread::spawn(move || {
            let (mut stream, _) = echo.accept()?;
            io::copy(&mut stream.try_clone()?, &mut stream)
        });
        let mut near = TcpStream::connect(relay.address)?;
        near.write_all(&vec![7; SIZE])?;
        near.shutdown(Shutdown::Write)?;
        let mut back = Vec::new();
        near.read_to_end(&mut back)?;
        assert_eq!(back.len(), SIZE);
        let echoed = peer.join().expect("the echo does not panic")?;
        assert_eq!(echoed, SIZE as u64);
        Ok(())
    }
}

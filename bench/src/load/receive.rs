//! Messages are only sent; the server's end of the connection tells that it has read them all.

use anyhow::{Result, bail};
use std::cell::Cell;
use std::io::{ErrorKind, Read as _, Write as _};

use super::{Load, echo, frame, poll, summary, turn};

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    /// The close frame is out, and our side shut down.
    Closing,
    Over,
}

/// Sends everything, a close frame behind it, and waits for the server's end.
///
/// # Errors
/// If the server ends a connection before it got everything.
pub fn run(load: &Load) -> Result<()> {
    let mut poll = poll()?;
    let traffic = load.traffic();
    let batch = traffic.sent.repeat((echo::READ / traffic.sent.len()).max(2));
    let mut peers = load.open(&poll, 0)?;
    let (each, mut buffer) = (load.each(), vec![0; 1024]);
    let close = frame::frame(0x88, &1000u16.to_be_bytes(), Some(rand::random()));

    let start = load.begin()?;
    let mut states = vec![State::Sending; peers.len()];
    let busy = Cell::new(peers.len());
    for peer in &mut peers {
        peer.add(each);
    }
    let ready = |token: usize| -> Result<()> {
        let (peer, state) = (&mut peers[token], &mut states[token]);
        if *state == State::Sending {
            peer.write(&traffic, &batch)?;
            if peer.is_sent() {
                match peer.socket.write(&close) {
                    Ok(len) if len == close.len() => {}
                    Ok(_) => bail!("half a close frame was taken"),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
                peer.shut_down()?;
                *state = State::Closing;
            }
        }
        while *state != State::Over {
            match peer.socket.read(&mut buffer) {
                Ok(0) if *state == State::Sending => bail!("the server ended the connection"),
                Ok(0) => {
                    *state = State::Over;
                    busy.set(busy.get() - 1);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    };
    turn(&mut poll, ready, || busy.get() == 0)?;
    load.conclude(&summary(each * load.connections, start, Vec::new()))
}

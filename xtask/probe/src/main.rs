//! A synchronous echo server over a memory-mapped transport, for the least image that uses the core's whole
//! server side: the head, the door, the 101 or the refusal, then frames until the close.
//!
//! It is linked, not run. Its panic handler calls a function that nobody defines: an image in which anything can
//! panic does not link. What it weighs is what the core weighs, so nothing is left out to make it small.
#![no_std]
#![no_main]

mod start;
mod transport;

use sockeye::handshake::{Host, Origin};
use sockeye::{Event, MAX_CONTROL, Receiver, Reject, Request, Response, Sender};

use crate::transport::Transport;

fn main(mut transport: Transport) -> ! {
    loop {
        let _ = serve(&mut transport);
        transport.hang_up();
    }
}

/// One connection, to its end.
fn serve(transport: &mut Transport) -> Option<()> {
    let mut buffer = [0; 1024];
    open(transport, &mut buffer)?;
    echo(transport, &mut buffer)
}

/// Reads the request head and answers it; `None` if the connection goes no further.
#[inline(never)]
fn open(transport: &mut Transport, head: &mut [u8; 1024]) -> Option<()> {
    let mut response = [0; 256];
    let answered = answer(transport, head);
    let accepted = answered.is_ok();
    let answer = answered.unwrap_or_else(Response::reject);
    let len = answer.write(&mut response).ok()?;
    transport.write(response.get(..len)?);
    accepted.then_some(())
}

/// Sends back what comes, until the close.
#[inline(never)]
fn echo(transport: &mut Transport, buffer: &mut [u8; 1024]) -> Option<()> {
    let mut receiver = Receiver::server();
    let mut sender = Sender::server();
    loop {
        let len = transport.read(buffer);
        let mut input = buffer.get_mut(..len)?;
        loop {
            let owed = match next(&mut receiver, &mut input) {
                Ok(None) => break,
                Ok(Some(Event::Data(chunk))) => {
                    let head = sender.chunk(chunk.kind, chunk.payload.len() as u64, chunk.last).ok()?;
                    transport.write(head.bytes());
                    transport.write(chunk.payload);
                    continue;
                }
                Ok(Some(Event::Pong(_))) => continue,
                Ok(Some(Event::Ping(ping))) => ping.reply(),
                Ok(Some(Event::Close(close))) => close.reply(),
                Err(error) => error.reply(),
            };
            let mut frame = [0; MAX_CONTROL];
            transport.write(sender.reply(&owed, &mut frame).ok()?);
            if owed.is_close() {
                return None;
            }
        }
    }
}

fn answer(transport: &mut Transport, head: &mut [u8; 1024]) -> Result<Response<'static>, Reject> {
    let mut len = 0;
    loop {
        // Byte by byte: what follows the head stays in the transport.
        *head.get_mut(len).ok_or(Reject::HeadTooBig)? = transport.read_byte();
        len += 1;
        let so_far = head.get(..len).unwrap_or_default();
        if !so_far.ends_with(b"\r\n\r\n") {
            continue;
        }
        if let Some((request, _)) = Request::parse(so_far)? {
            request.check_host(&Host::NAMELESS)?;
            request.check_origin(&Origin::SAME)?;
            return Response::accept(&request, None).map_err(|_| Reject::UpgradeRequired);
        }
    }
}

#[inline(never)]
fn next<'b>(receiver: &mut Receiver, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, sockeye::ProtocolError> {
    receiver.next_event(input)
}

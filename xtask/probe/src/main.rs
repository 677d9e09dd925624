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
use sockeye::{Event, MAX_CONTROL, Receiver, Reject, Reply, Request, Response, Sender, Unmasked};

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
    let mut receiver = Receiver::server();
    let mut sender = Sender::server();
    loop {
        let len = transport.read(&mut buffer);
        let mut input = buffer.get_mut(..len)?;
        while echo(transport, &mut receiver, &mut sender, &mut input)? {}
    }
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

/// Sends back what the next event owes; `None` after a close, false when the input is used up.
#[inline(never)]
fn echo(
    transport: &mut Transport,
    receiver: &mut Receiver,
    sender: &mut Sender<Unmasked>,
    input: &mut &mut [u8],
) -> Option<bool> {
    let owed = match receiver.next_event(input) {
        Ok(None) => return Some(false),
        Ok(Some(Event::Data(chunk))) => {
            let Ok(head) = sender.chunk(chunk.kind, chunk.payload.len() as u64, chunk.last) else { return None };
            transport.write(head.bytes());
            transport.write(chunk.payload);
            return Some(true);
        }
        Ok(Some(Event::Pong(_))) => return Some(true),
        Ok(Some(Event::Ping(ping))) => ping.reply(),
        Ok(Some(Event::Close(close))) => close.reply(),
        Err(error) => error.reply(),
    };
    reply(transport, sender, &owed)?;
    (!owed.is_close()).then_some(true)
}

fn reply(transport: &mut Transport, sender: &mut Sender<Unmasked>, owed: &Reply) -> Option<()> {
    let mut frame = [0; MAX_CONTROL];
    transport.write(sender.reply(owed, &mut frame).ok()?);
    Some(())
}

fn answer(transport: &mut Transport, head: &mut [u8; 1024]) -> Result<Response<'static>, Reject> {
    let len = read_head(transport, head).ok_or(Reject::HeadTooBig)?;
    let parsed = Request::parse(head.get(..len).unwrap_or_default())?;
    let (request, _) = parsed.ok_or(Reject::Malformed)?;
    request.check_host(&Host::NAMELESS)?;
    request.check_origin(&Origin::SAME)?;
    Response::accept(&request, None).map_err(|_| Reject::UpgradeRequired)
}

/// Byte by byte: what follows the head stays in the transport.
fn read_head(transport: &mut Transport, head: &mut [u8; 1024]) -> Option<usize> {
    let mut len = 0;
    loop {
        *head.get_mut(len)? = transport.read_byte();
        len += 1;
        if head.get(..len)?.ends_with(b"\r\n\r\n") {
            return Some(len);
        }
    }
}

//! The core's sender in either role, without a type parameter for the user to carry.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sockeye::{CloseCode, Head, Kind, MAX_CONTROL, Masked, Reply, SendError, Sender, Unmasked};

pub(crate) enum Role {
    Server(Sender<Unmasked>),
    Client(Sender<Masked<ThreadRng>>),
}

impl Role {
    pub(crate) fn server() -> Self {
        Role::Server(Sender::server())
    }

    pub(crate) fn client() -> Self {
        Role::Client(Sender::client(ThreadRng))
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Role::Server(_))
    }

    pub(crate) fn in_message(&self) -> bool {
        match self {
            Role::Server(sender) => sender.in_message(),
            Role::Client(sender) => sender.in_message(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Role::Server(sender) => sender.is_closed(),
            Role::Client(sender) => sender.is_closed(),
        }
    }

    #[inline]
    pub(crate) fn chunk(&mut self, kind: Kind, len: u64, last: bool) -> Result<Head, SendError> {
        match self {
            Role::Server(sender) => sender.chunk(kind, len, last),
            Role::Client(sender) => sender.chunk(kind, len, last),
        }
    }

    /// Appends a control frame to `queue`.
    pub(crate) fn control(&mut self, control: &Control<'_>, queue: &mut Vec<u8>) -> Result<(), SendError> {
        let mut out = [0; MAX_CONTROL];
        let bytes = match (self, control) {
            (Role::Server(sender), Control::Ping(payload)) => sender.ping(payload, &mut out),
            (Role::Client(sender), Control::Ping(payload)) => sender.ping(payload, &mut out),
            (Role::Server(sender), Control::Close(code, reason)) => sender.close(*code, reason, &mut out),
            (Role::Client(sender), Control::Close(code, reason)) => sender.close(*code, reason, &mut out),
            (Role::Server(sender), Control::Reply(reply)) => sender.reply(reply, &mut out),
            (Role::Client(sender), Control::Reply(reply)) => sender.reply(reply, &mut out),
        }?;
        queue.extend_from_slice(bytes);
        Ok(())
    }
}

/// A control frame to send.
pub(crate) enum Control<'a> {
    Ping(&'a [u8]),
    Close(CloseCode, &'a str),
    Reply(Reply),
}

/// The thread's generator, which the operating system seeds: no state in the connection.
pub(crate) struct ThreadRng;

impl TryRng for ThreadRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand::rng().try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand::rng().try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand::rng().try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for ThreadRng {}

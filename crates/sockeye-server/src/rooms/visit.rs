//! A member's stay in a room.

use std::future::poll_fn;
use std::sync::Arc;

use sockeye_tokio::{CloseCode, Connection, Error, Message, Receiver, Sender, Transport};
use tokio::sync::Notify;

use super::envelope::{Dialect, FromClient, Position};
use super::room::{Entry, Room, Standing};
use crate::meter::Meter;
use crate::route::Farewell;

/// A stay in a room, which ends when it is dropped.
pub(crate) struct Visit {
    room: Arc<Room>,
    entry: Entry,
    writes: bool,
    /// Where a member that comes back left off.
    after: Option<Box<Position>>,
    id: u64,
    wake: Arc<Notify>,
}

impl Visit {
    pub(crate) fn begin(room: Arc<Room>, entry: Entry, writes: bool, after: Option<Position>) -> Self {
        let (id, wake) = room.enter(entry);
        Visit { room, entry, writes, after: after.map(Box::new), id, wake }
    }

    /// Until the member leaves, breaks a rule, or is too far behind.
    pub(crate) async fn run<S: Transport>(
        &self,
        ws: &mut Connection<S>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Farewell>, Error> {
        self.room.arrive(self.id, &ws.sender);
        let Connection { receiver, sender, .. } = ws;
        tokio::select! {
            said = self.listen(receiver, meter) => said,
            behind = self.keep_up(sender) => behind.map(Some),
        }
    }

    /// From the member to the room. `None` after the member's close.
    async fn listen<S: Transport>(
        &self,
        receiver: &mut Receiver<S>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Farewell>, Error> {
        let mut joined = false;
        while let Some(message) = receiver.message().await? {
            if let Err(farewell) = self.hear(&message, meter, &mut joined) {
                return Ok(Some(farewell));
            }
        }
        Ok(None)
    }

    fn hear(&self, message: &Message<'_>, meter: &mut Meter<'_>, joined: &mut bool) -> Result<(), Farewell> {
        meter.received(message.payload.len(), true)?;
        match self.entry.dialect {
            Dialect::Raw if self.writes => {
                self.room.pass(Some(self.id), message.kind, message.payload);
                Ok(())
            }
            Dialect::Raw => Err(NO_RIGHT),
            Dialect::Envelope => self.take_envelope(message, joined),
        }
    }

    fn take_envelope(&self, message: &Message<'_>, joined: &mut bool) -> Result<(), Farewell> {
        let text = message.text().ok_or_else(|| "an envelope is a text".to_owned());
        let said = match text.and_then(FromClient::parse) {
            Ok(FromClient::Join { name }) if !*joined => {
                *joined = true;
                self.room.join(self.id, name, self.after.as_deref());
                Ok(())
            }
            Ok(FromClient::Message { .. }) if !self.writes => return Err(NO_RIGHT),
            Ok(FromClient::Message { text }) if *joined => {
                self.room.say(self.id, &text);
                Ok(())
            }
            Ok(FromClient::Join { .. }) => Err("join comes once".to_owned()),
            Ok(FromClient::Message { .. }) => Err("join comes first".to_owned()),
            Err(error) => Err(error),
        };
        said.map_err(|error| {
            self.room.complain(self.id, &error);
            Farewell { code: CloseCode::POLICY, reason: "not as sockeye.rooms.v1 has it", counted: "envelope" }
        })
    }

    /// Hands on what waits for the member, whenever there is room for it; until it is too far behind.
    async fn keep_up<S: Transport>(&self, sender: &mut Sender<S>) -> Result<Farewell, Error> {
        loop {
            self.wake.notified().await;
            loop {
                match self.room.catch_up(self.id) {
                    Standing::UpToDate => break,
                    Standing::Behind => poll_fn(|cx| sender.poll_ready(cx)).await?,
                    Standing::Over => return Ok(TOO_FAR_BEHIND),
                }
            }
        }
    }
}

const TOO_FAR_BEHIND: Farewell =
    Farewell { code: CloseCode::TRY_AGAIN_LATER, reason: "too far behind", counted: "slow" };
const NO_RIGHT: Farewell =
    Farewell { code: CloseCode::POLICY, reason: "the token gives no right to write here", counted: "no-right" };

impl Drop for Visit {
    fn drop(&mut self) {
        self.room.leave(self.id);
    }
}

//! A member's stay in a room.

use std::sync::Arc;

use sockeye_tokio::{CloseCode, Connection, Error, Message, Receiver, Transport};
use tokio::sync::Notify;

use super::envelope::{Dialect, FromClient};
use super::room::Room;

/// A stay in a room, which ends when it is dropped.
pub(crate) struct Visit {
    room: Arc<Room>,
    dialect: Dialect,
    id: u64,
    behind: Arc<Notify>,
}

/// Why a visit ends otherwise than by the member's close.
struct Farewell {
    code: CloseCode,
    reason: &'static str,
}

impl Visit {
    pub(crate) fn begin(room: Arc<Room>, dialect: Dialect) -> Self {
        let (id, behind) = room.enter(dialect);
        Visit { room, dialect, id, behind }
    }

    /// Until the member leaves, breaks a rule, or is too far behind.
    pub(crate) async fn run<S: Transport>(&mut self, ws: &mut Connection<S>) -> Result<(), Error> {
        self.room.arrive(self.id, &ws.sender);
        let Visit { room, dialect, id, behind } = self;
        let Connection { receiver, sender, .. } = ws;
        let farewell = tokio::select! {
            said = listen(room, *dialect, *id, receiver) => said?,
            () = behind.notified() => Some(Farewell { code: CloseCode::TRY_AGAIN_LATER, reason: "too far behind" }),
        };
        let Some(Farewell { code, reason }) = farewell else { return Ok(()) };
        // It comes behind what the member is still to know: why.
        sender.close(code, reason).await?;
        receiver.drain().await
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.room.leave(self.id);
    }
}

/// From the member to the room. `None` after the member's close.
async fn listen<S: Transport>(
    room: &Room,
    dialect: Dialect,
    id: u64,
    receiver: &mut Receiver<S>,
) -> Result<Option<Farewell>, Error> {
    let mut joined = false;
    while let Some(message) = receiver.message().await? {
        match dialect {
            Dialect::Raw => room.pass(id, message.kind, message.payload),
            Dialect::Envelope => {
                if let Err(farewell) = take_envelope(room, id, &message, &mut joined) {
                    return Ok(Some(farewell));
                }
            }
        }
    }
    Ok(None)
}

fn take_envelope(room: &Room, id: u64, message: &Message<'_>, joined: &mut bool) -> Result<(), Farewell> {
    let text = message.text().ok_or_else(|| "an envelope is a text".to_owned());
    let said = match text.and_then(FromClient::parse) {
        Ok(FromClient::Join { name }) if !*joined => {
            *joined = true;
            room.join(id, name);
            Ok(())
        }
        Ok(FromClient::Message { text }) if *joined => {
            room.say(id, &text);
            Ok(())
        }
        Ok(FromClient::Join { .. }) => Err("join comes once".to_owned()),
        Ok(FromClient::Message { .. }) => Err("join comes first".to_owned()),
        Err(error) => Err(error),
    };
    said.map_err(|error| {
        room.complain(id, &error);
        Farewell { code: CloseCode::POLICY, reason: "not as sockeye.rooms.v1 has it" }
    })
}

//! `sockeye.rooms.v1`: JSON texts with a kind, a sequence `EPOCH:SEQ`, a name and a text. See docs/rooms.md.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sockeye_tokio::proto::Request;

const SUBPROTOCOL: &str = "sockeye.rooms.v1";
/// For a client whose token goes by a subprotocol, and who wants none of ours: one must be answered, or a browser gives
/// the connection up.
const RAW_SUBPROTOCOL: &str = "sockeye.raw.v1";
/// The longest name, in characters.
const NAME: usize = 64;
/// The longest text, in characters.
const TEXT: usize = 4096;

/// What a member speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Messages as they are.
    Raw,
    /// Envelopes.
    Envelope,
}

impl Dialect {
    /// The one that the client offers.
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let offered = request.subprotocols().any(|offered| offered == SUBPROTOCOL);
        if offered { Dialect::Envelope } else { Dialect::Raw }
    }
}

/// The subprotocol to answer with, if the client offers one that is spoken here.
pub(crate) fn subprotocol(request: &Request<'_>) -> Option<&'static str> {
    let own = [SUBPROTOCOL, RAW_SUBPROTOCOL];
    own.into_iter().find(|own| request.subprotocols().any(|offered| offered == *own))
}

/// What a client says. Fields that this version does not know are left aside.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum FromClient {
    Join { name: String },
    Message { text: String },
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum ToClient<'a> {
    Welcome {
        seq: &'a str,
        id: u64,
        members: Vec<Named<'a>>,
        /// For who comes back: whether the history is all that was missed.
        #[serde(skip_serializing_if = "Option::is_none")]
        resumed: Option<bool>,
        history: Vec<&'a RawValue>,
    },
    Message {
        seq: &'a str,
        id: u64,
        name: &'a str,
        text: &'a str,
    },
    Join {
        seq: &'a str,
        id: u64,
        name: &'a str,
    },
    Leave {
        seq: &'a str,
        id: u64,
        name: &'a str,
    },
    /// So many messages, the last of this sequence, were dropped for a member who did not keep up.
    Gap {
        seq: &'a str,
        count: u64,
    },
    Error {
        text: &'a str,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Named<'a> {
    pub(crate) id: u64,
    pub(crate) name: &'a str,
}

/// A place in a room's life: `EPOCH:SEQ`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: String,
    pub(crate) sequence: u64,
}

impl Position {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, sequence) = text.split_once(':')?;
        let digits = !sequence.is_empty() && sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| digits)?;
        let known = !epoch.is_empty() && epoch.len() <= 64 && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        known.then(|| Position { epoch: epoch.to_owned(), sequence })
    }
}

impl FromClient {
    /// Reads and checks an envelope; the error is for the client.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let envelope = serde_json::from_str(text).map_err(|error| format!("not an envelope: {error}"))?;
        match &envelope {
            FromClient::Join { name } => {
                if !(1..=NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
                    return Err(format!("a name has 1 to {NAME} characters, and no control characters"));
                }
            }
            FromClient::Message { text } => {
                if !(1..=TEXT).contains(&text.chars().count()) {
                    return Err(format!("a text has 1 to {TEXT} characters"));
                }
            }
        }
        Ok(envelope)
    }
}

impl ToClient<'_> {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

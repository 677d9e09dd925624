//! What errors say: what happened, to whom, and the code or status that it means.

use std::error::Error;

use sockeye::handshake::{AcceptError, OfferError, UriError, WriteError};
use sockeye::{CloseCode, InvalidUtf8, ProtocolError, Receiver, Reject, SendError};

#[test]
fn a_broken_rule_names_the_culprit_and_the_close_code() {
    for (error, text) in [
        (ProtocolError::ReservedOpcode(3), "peer sent a reserved opcode 0x3 (1002)"),
        (ProtocolError::ReservedBits(4), "peer set reserved bits 0b100 (1002)"),
        (ProtocolError::CloseCode(1005), "peer sent a close with the forbidden code 1005 (1002)"),
        (ProtocolError::InvalidUtf8, "peer sent a text that is not UTF-8 (1007)"),
        (ProtocolError::MessageTooBig(70_000), "peer announced a message of 70000 bytes, over the limit (1009)"),
        (ProtocolError::Unmasked, "client sent a frame without a mask (1002)"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn every_error_says_something_of_its_own() {
    let errors: [&dyn Error; 12] = [
        &SendError::Closed,
        &SendError::KindChanged,
        &SendError::TooLong,
        &InvalidUtf8,
        &Reject::Key,
        &Reject::Repeated("Host"),
        &OfferError::Status(302),
        &OfferError::Accept,
        &UriError::Fragment,
        &WriteError::Value,
        &AcceptError::NotUpgrade,
        &AcceptError::SubprotocolNotOffered,
    ];
    let mut texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(texts.iter().all(|text| text.len() > 6), "{texts:?}");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), errors.len(), "{texts:?}");
}

#[test]
fn a_refusal_says_its_status() {
    assert_eq!(Reject::Key.to_string(), "Sec-WebSocket-Key is not 16 bytes in base64 (400)");
    assert_eq!(Reject::Repeated("Host").to_string(), "Host came twice (400)");
    assert_eq!(OfferError::Status(302).to_string(), "the server answered with status 302, not 101");
}

#[test]
fn a_close_code_shows_its_number() {
    assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    assert_eq!(format!("{:?}", CloseCode::GOING_AWAY), "CloseCode(1001)");
}

#[test]
fn a_control_payload_is_shown_as_its_bytes() {
    let mut ping = [0x8a, 2, 7, 9];
    let event = Receiver::client().next_event(&mut &mut ping[..]);
    assert_eq!(format!("{event:?}"), "Ok(Some(Pong([7, 9])))");
}

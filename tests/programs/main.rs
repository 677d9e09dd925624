//! The examples of `sockeye-tokio`, and `sockeye bench`, each as the program that it is.

mod bench;
mod gateway;
mod reconnect;

use sockeye_tests::{Example, Http, Raw, frame};

#[test]
fn what_one_says_in_the_chat_all_hear() {
    let (chat, address) = Example::serve("chat", "");
    let open = || {
        let mut raw = Raw::open(address, "/");
        // Answered, it is in the room.
        raw.round_trip(b"here");
        raw
    };
    let (mut ann, mut bob, gone) = (open(), open(), open());
    let left = gone.address();
    drop(gone);
    while !chat.line().starts_with(&format!("{left}: ")) {}
    for text in ["hello", "wörld"] {
        ann.send(&frame::masked(frame::BINARY, b"not said"));
        ann.send(&frame::masked(frame::TEXT, text.as_bytes()));
        assert_eq!((ann.text(), bob.text()), (text.into(), text.into()));
    }
    ann.send(&frame::masked(frame::CLOSE, &frame::closing(1000, b"")));
    assert_eq!(ann.close_code(), Some(1000));
    bob.send(&frame::masked(frame::TEXT, b"alone"));
    assert_eq!(bob.text(), "alone");
}

#[test]
fn echoes_echo() {
    for (name, path) in [("axum", "/echo"), ("hyper", "/echo"), ("messages", "/")] {
        let (_running, address) = Example::serve(name, "");
        let mut raw = Raw::open(address, path);
        raw.send(&frame::masked(frame::TEXT, name.as_bytes()));
        assert_eq!(raw.text(), name);
        if path == "/echo" {
            let ask = |path| Http::get(path).with("Connection", "close").ask(address).0.status;
            assert_eq!((ask("/nothing"), ask("/echo")), (404, 426), "{name}");
        }
    }
}

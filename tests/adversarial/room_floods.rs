//! Rooms under load: history, members and rooms are bounded, and everybody gets what is said.

use sockeye_tests::frame::{BINARY, TEXT, masked};
use sockeye_tests::{Raw, Server, Upgrade};

use crate::{answer_to, beside_a_bystander};

fn join(server: &Server, room: &str, name: &str) -> (Raw, serde_json::Value) {
    let upgrade = Upgrade::to(&format!("/rooms/{room}")).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
    let mut raw = Raw::dial(server.address()).opened(&upgrade);
    raw.send(&masked(TEXT, serde_json::json!({"kind": "join", "name": name}).to_string().as_bytes()));
    let welcome = serde_json::from_str(&raw.text()).expect("JSON");
    (raw, welcome)
}

#[test]
fn a_newcomer_gets_a_bounded_history() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let (mut speaker, _) = join(server, "history", "speaker");
        let mut plain = Raw::open(server.address(), "/rooms/history");
        // Long ones, ones that JSON makes six times as long, and ones without an end.
        let escaped = vec![1; 64 * 1024];
        for number in 0..1000 {
            let text = serde_json::json!({"kind": "message", "text": "x".repeat(4000)});
            speaker.send(&masked(TEXT, text.to_string().as_bytes()));
            speaker.text();
            plain.text();
            if number % 10 == 0 {
                plain.send(&masked(TEXT, &escaped));
                speaker.text();
            }
        }
        let (_, welcome) = join(server, "history", "newcomer");
        let history = welcome["history"].as_array().expect("a history");
        assert!(history.len() <= 50, "{} messages", history.len());
        assert!(welcome.to_string().len() < 80 << 10, "{} bytes", welcome.to_string().len());
        assert!(!history.is_empty(), "the last ones have room");

        speaker.text();
        for number in 0..1000 {
            speaker.send(&masked(TEXT, format!(r#"{{"kind":"message","text":"{number}"}}"#).as_bytes()));
            speaker.text();
            plain.text();
        }
        let (_, welcome) = join(server, "history", "another");
        let history = welcome["history"].as_array().expect("a history");
        assert_eq!(history.len(), 50);
        assert_eq!(history[49]["text"], "999", "the last ones");
        let grown = server.peak_memory() - before;
        assert!(grown < 8 << 20, "the history took {grown} bytes");
    });
}

#[test]
fn everybody_gets_everything_in_one_order() {
    const MEMBERS: usize = 20;
    const EACH: usize = 100;
    beside_a_bystander(|server| {
        let mut members = Vec::new();
        for number in 0..MEMBERS {
            members.push(join(server, "order", &format!("member {number}")).0);
        }
        let talking: Vec<_> = members
            .into_iter()
            .enumerate()
            .map(|(number, mut raw)| {
                std::thread::spawn(move || {
                    for text in 0..EACH {
                        let text = format!(r#"{{"kind":"message","text":"{number} {text}"}}"#);
                        raw.send(&masked(TEXT, text.as_bytes()));
                    }
                    let mut heard = Vec::new();
                    while heard.len() < MEMBERS * EACH {
                        let message: serde_json::Value = serde_json::from_str(&raw.text()).expect("JSON");
                        if message["kind"] == "message" {
                            heard.push((message["seq"].to_string(), message["text"].to_string()));
                        }
                    }
                    (heard, raw)
                })
            })
            .collect();
        let heard: Vec<_> = talking.into_iter().map(|member| member.join().expect("it hears all")).collect();
        assert!(heard.windows(2).all(|pair| pair[0].0 == pair[1].0), "all hear the same in the same order");
    });
}

#[test]
fn a_flood_of_joins() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let (mut witness, _) = join(server, "joins", "witness");
        for round in 0..1000 {
            let (raw, welcome) = join(server, "joins", "guest");
            assert!(welcome["members"].as_array().is_some_and(|members| members.len() <= 2 + round.min(1)));
            assert!(witness.text().contains(r#""kind":"join""#));
            drop(raw);
            assert!(witness.text().contains(r#""kind":"leave""#));
        }
        let grown = server.peak_memory() - before;
        assert!(grown < 6 << 20, "1000 guests took {grown} bytes");
    });
}

#[test]
fn a_flood_of_messages_between_members_that_read() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut speaker = Raw::open(server.address(), "/rooms/talk");
        let mut listener = Raw::open(server.address(), "/rooms/talk");
        let listening = std::thread::spawn(move || {
            let mut bytes = 0;
            while bytes < 100_000 * 8 {
                match listener.frame().expect("a message or a close, not the end") {
                    frame if frame.first == BINARY => bytes += frame.payload.len(),
                    // Who is too far behind is told so.
                    frame => return frame.close_code(),
                }
            }
            None
        });
        let block = masked(BINARY, b"12345678").repeat(1000);
        for _ in 0..100 {
            speaker.send(&block);
        }
        let code = listening.join().expect("it reads on");
        assert!(code.is_none_or(|code| code == 1013), "{code:?}");
        let grown = server.peak_memory() - before;
        assert!(grown < 24 << 20, "the flood took {grown} bytes");
    });
}

#[test]
fn no_more_than_so_many_rooms() {
    const ROOMS: usize = 10_000;
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut member = Raw::open(server.address(), "/rooms/room-0");
        for number in 1..ROOMS {
            Raw::open(server.address(), &format!("/rooms/room-{number}")).reset();
        }
        // A room lives on for a while when it is empty: this is one too many.
        let response = answer_to(server.address(), &Upgrade::to("/rooms/one-more").bytes());
        assert_eq!(response.status, 503);
        assert!(response.header("Retry-After").is_some_and(|after| after.parse::<u32>().is_ok()));
        // Those that there are go on.
        let mut other = Raw::open(server.address(), "/rooms/room-0");
        other.send(&masked(TEXT, b"still open"));
        assert_eq!(member.text(), "still open");
        let grown = server.peak_memory() - before;
        assert!(grown < 64 << 20, "{ROOMS} empty rooms took {grown} bytes");
    });
}

//! Who comes back gets what was missed: no gap, no double, in order; or is told that too much is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sockeye_tests::frame::{CLOSE, TEXT, closing, masked};
use sockeye_tests::{Http, Raw, Server, Upgrade};

use crate::beside_a_bystander;

fn envelope(raw: &mut Raw) -> Value {
    let text = raw.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Joins, and says from where on; the welcome.
fn join(server: &Server, room: &str, after: Option<&str>) -> (Raw, Value) {
    let path = match after {
        Some(after) => format!("/rooms/{room}?after={}", after.replace(':', "%3A")),
        None => format!("/rooms/{room}"),
    };
    let upgrade = Upgrade::to(&path).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
    let mut raw = Raw::dial(server.address()).opened(&upgrade);
    raw.send(&masked(TEXT, br#"{"kind":"join","name":"reader"}"#));
    let welcome = envelope(&mut raw);
    assert_eq!(welcome["kind"], "welcome");
    (raw, welcome)
}

fn publish(server: &Server, room: &str, text: &str) -> String {
    let (response, body) = Http::post(&format!("/rooms/{room}"), text.as_bytes()).ask(server.address());
    assert_eq!(response.status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    answer["seq"].as_str().expect("a sequence").to_owned()
}

fn texts(messages: &Value) -> Vec<&str> {
    let messages = messages.as_array().expect("a list").iter();
    messages.map(|message| message["text"].as_str().expect("a text")).collect()
}

#[test]
fn what_was_missed_and_only_that() {
    beside_a_bystander(|server| {
        let seqs: Vec<_> = ["a", "b", "c", "d"].map(|text| publish(server, "missed", text)).into();
        let (_, welcome) = join(server, "missed", None);
        assert_eq!(texts(&welcome["history"]), ["a", "b", "c", "d"]);
        assert!(welcome.get("resumed").is_none(), "nobody asked");
        for (after, rest) in [(&seqs[0], &["b", "c", "d"][..]), (&seqs[2], &["d"]), (&seqs[3], &[])] {
            let (_, welcome) = join(server, "missed", Some(after));
            assert_eq!((texts(&welcome["history"]), &welcome["resumed"]), (rest.to_vec(), &json!(true)), "{after}");
        }
        // Of the welcome itself one can go on, too.
        let seq = welcome["seq"].as_str().expect("a sequence");
        let (_, welcome) = join(server, "missed", Some(seq));
        assert_eq!((texts(&welcome["history"]), &welcome["resumed"]), (vec![], &json!(true)));
        // Another life's, or one to come: whoever says so gets all there is, and is told.
        let (epoch, _) = seqs[0].split_once(':').expect("an epoch");
        for after in
            ["0123456789abcdef:3".to_owned(), format!("{epoch}:99999"), format!("{epoch}:18446744073709551615")]
        {
            let (_, welcome) = join(server, "missed", Some(&after));
            assert_eq!((texts(&welcome["history"]).len(), &welcome["resumed"]), (4, &json!(false)), "{after}");
        }
        // What is none is left aside, as any query is.
        for after in ["x", ":", "1", "a:b", ":3", "a:", "a:-1", "a:18446744073709551616", "a:3:4", "%ff:3"] {
            let path = format!("/rooms/missed?after={after}");
            let upgrade = Upgrade::to(&path).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
            let mut raw = Raw::dial(server.address()).opened(&upgrade);
            raw.send(&masked(TEXT, br#"{"kind":"join","name":"reader"}"#));
            let welcome = envelope(&mut raw);
            assert_eq!(texts(&welcome["history"]).len(), 4, "{after}");
        }
    });
}

#[test]
fn too_much_is_gone() {
    let server = Server::start_with(&["--room-history", "3"]);
    let seqs: Vec<_> = (0..6).map(|number| publish(&server, "gone", &number.to_string())).collect();
    for (at, seq) in seqs.iter().enumerate() {
        let (_, welcome) = join(&server, "gone", Some(seq));
        // After 2 nothing is missing: 3, 4 and 5 are there.
        let rest: Vec<_> = (3.max(at + 1)..6).map(|number| number.to_string()).collect();
        assert_eq!(texts(&welcome["history"]), rest, "after {at}");
        assert_eq!(welcome["resumed"], json!(at >= 2), "after {at}");
    }
}

#[test]
fn a_restart_is_another_life() {
    let server = Server::start();
    let before = publish(&server, "restart", "before");
    drop(server);
    let server = Server::start();
    let after = publish(&server, "restart", "after");
    assert_ne!(before.split(':').next(), after.split(':').next(), "another epoch");
    let (_, welcome) = join(&server, "restart", Some(&before));
    assert_eq!((texts(&welcome["history"]), &welcome["resumed"]), (vec!["after"], &json!(false)));
}

#[test]
fn history_is_kept_for_a_time() {
    let server = Server::start_with(&["--room-history-time", "0.2"]);
    let seq = publish(&server, "time", "old");
    let gone = sockeye_tests::eventually(|| texts(&join(&server, "time", None).1["history"]).is_empty());
    assert!(gone, "it is still there");
    let (_, welcome) = join(&server, "time", Some(&seq));
    assert_eq!(welcome["resumed"], json!(true), "nothing came after it");
}

/// What a reader heard, over all of its connections: in order, each once.
#[derive(Default)]
struct Heard {
    texts: Vec<String>,
    last: Option<String>,
}

impl Heard {
    fn message(&mut self, message: &Value) {
        let seq = message["seq"].as_str().expect("a sequence").to_owned();
        let number =
            |seq: &str| seq.split_once(':').and_then(|(_, number)| number.parse::<u64>().ok()).expect("a number");
        assert!(self.last.as_deref().is_none_or(|last| number(last) < number(&seq)), "{seq} after {:?}", self.last);
        self.last = Some(seq);
        if message["kind"] == "message" {
            self.texts.push(message["text"].as_str().expect("a text").to_owned());
        }
    }
}

#[test]
fn no_gap_and_no_double_under_concurrent_publishers() {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 300;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let server = Server::start_with(&["--room-history", "100000", "--room-history-bytes", "10000000"]);
    let (hears, done) = (&server, &Arc::new(AtomicBool::new(false)));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                scope.spawn(move || {
                    let mut rng = StdRng::seed_from_u64(seed.wrapping_add(number));
                    let mut heard = Heard::default();
                    let mut visits = 0;
                    // Comes and goes, by a close or without; at last stays until all is heard.
                    while heard.texts.len() < PUBLISHERS * EACH {
                        let last = done.load(Ordering::Relaxed);
                        let (mut raw, welcome) = join(hears, "property", heard.last.as_deref());
                        visits += 1;
                        assert_eq!(welcome.get("resumed"), heard.last.as_ref().map(|_| &json!(true)));
                        welcome["history"]
                            .as_array()
                            .expect("a list")
                            .iter()
                            .for_each(|message| heard.message(message));
                        let stay = if last { usize::MAX } else { rng.random_range(0..100) };
                        for _ in 0..stay {
                            if heard.texts.len() == PUBLISHERS * EACH {
                                break;
                            }
                            heard.message(&envelope(&mut raw));
                        }
                        if rng.random() {
                            raw.try_send(&masked(CLOSE, &closing(1000, b"")));
                        }
                    }
                    (heard, visits)
                })
            })
            .collect();
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                scope.spawn(move || {
                    // Half of them over a socket, half from outside.
                    if number % 2 == 0 {
                        return (0..EACH)
                            .for_each(|text| drop(publish(hears, "property", &format!("{number} {text}"))));
                    }
                    let mut raw = Raw::open(hears.address(), "/rooms/property");
                    for text in 0..EACH {
                        raw.send(&masked(TEXT, format!("{number} {text}").as_bytes()));
                        if text % 10 == 0 {
                            raw.round_trip(b"in step");
                        }
                    }
                    raw.round_trip(b"all said");
                })
            })
            .collect();
        publishers.into_iter().for_each(|publisher| publisher.join().expect("it publishes"));
        done.store(true, Ordering::Relaxed);
        let mut orders = BTreeSet::new();
        for reader in readers {
            let (heard, visits) = reader.join().expect("it reads");
            assert!(visits > 1, "it came back");
            for number in 0..PUBLISHERS {
                let begin = format!("{number} ");
                let of_one: Vec<_> =
                    heard.texts.iter().filter_map(|text| text.strip_prefix(&begin)?.parse::<usize>().ok()).collect();
                assert_eq!(of_one, (0..EACH).collect::<Vec<_>>(), "of publisher {number}, seed {seed}");
            }
            orders.insert(heard.texts);
        }
        assert_eq!(orders.len(), 1, "all heard the same order");
    });
}

#[test]
fn a_slow_member_misses_the_oldest_and_is_told_how_many() {
    const COUNT: usize = 3000;
    let server = Server::start_with(&["--room-slow", "drop-oldest", "--room-behind", "200000"]);
    let (mut speaker, _) = join(&server, "slow", None);
    let narrow = Raw::dial_narrow(server.address());
    let upgrade = Upgrade::to("/rooms/slow").with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
    let mut slow = narrow.opened(&upgrade);
    slow.send(&masked(TEXT, br#"{"kind":"join","name":"slow"}"#));
    assert_eq!(envelope(&mut speaker)["kind"], "join");
    let (mut quick, _) = join(&server, "slow", None);
    assert_eq!(envelope(&mut speaker)["kind"], "join");
    let padding = "x".repeat(3000);
    for number in 0..COUNT {
        speaker.send(&masked(
            TEXT,
            json!({"kind": "message", "text": format!("{number} {padding}")}).to_string().as_bytes(),
        ));
        // Those who keep up are not delayed by the one who does not.
        for raw in [&mut speaker, &mut quick] {
            let message = envelope(raw);
            assert_eq!(message["text"].as_str().and_then(|text| text.split(' ').next()), Some(&*number.to_string()));
        }
    }
    let dropped = server.metric("sockeye_slow_consumers_total{outcome=\"dropped\"}");
    assert!(dropped > 100.0, "only {dropped} were dropped");
    // Now it reads: what comes is in order, and with the gaps it is all.
    assert_eq!(envelope(&mut slow)["kind"], "welcome");
    let (mut expected, mut gaps) = (0, 0);
    while expected < COUNT {
        let heard = envelope(&mut slow);
        match heard["kind"].as_str() {
            Some("gap") => {
                let count = heard["count"].as_u64().expect("a number");
                assert!(heard["seq"].as_str().is_some_and(|seq| seq.contains(':')), "{heard}");
                gaps += count;
                expected += usize::try_from(count).expect("a number");
            }
            // That `quick` joined may be among what was dropped, or not.
            Some("join") => {}
            _ => {
                let number = heard["text"].as_str().and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
                // The join, if it was dropped, is in a gap's count.
                let number = number.expect("a number");
                assert!(number == expected || number + 1 == expected, "{number} after {expected}");
                expected = number + 1;
            }
        }
    }
    assert!(gaps as f64 >= dropped, "{gaps} were told, {dropped} were dropped");
    slow.round_trip(b"and it is still a member");
    let grown = server.peak_memory();
    assert!(grown < 64 << 20, "{grown} bytes");
}

#[test]
fn a_slow_member_is_closed_by_default() {
    let server = Server::start_with(&["--room-behind", "100000"]);
    let mut speaker = Raw::open(server.address(), "/rooms/close");
    let mut slow = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/rooms/close"));
    let mut quick = Raw::open(server.address(), "/rooms/close");
    for number in 0..3000u32 {
        speaker.send(&masked(TEXT, format!("{number} {}", "x".repeat(3000)).as_bytes()));
        assert!(quick.text().starts_with(&format!("{number} ")));
    }
    assert_eq!(slow.close_frame_code(), Some(1013));
    assert_eq!(server.metric("sockeye_slow_consumers_total{outcome=\"closed\"}"), 1.0);
}

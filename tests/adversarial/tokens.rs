//! Tokens: how they come, what they allow, when they end, and that nobody else hears of them.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sockeye_tests::frame::{CLOSE, PING, PONG, TEXT, closing, masked};
use sockeye_tests::{Http, Raw, Server, Upgrade};
use tempfile::NamedTempFile;

use crate::answer_to;

const READER: &str = "reader-s3cret-s3cret";
const WRITER: &str = "writer/s3cret+s3cret==";
const KEY: &[u8] = b"a key of thirty-two bytes or more, s3cret";

/// A server that wants tokens, and the files that it read them from.
struct Guarded {
    server: Server,
    files: [NamedTempFile; 2],
}

impl Guarded {
    fn start(more: &[&str]) -> Self {
        let mut key = NamedTempFile::new().expect("a file");
        key.write_all(&[KEY, b"\n"].concat()).expect("it is written");
        let mut config = NamedTempFile::new().expect("a file");
        let tokens = format!(
            "[[token]]\nname = \"reader\"\nsecret = \"{READER}\"\nread = [\"*\"]\n\
             [[token]]\nname = \"writer\"\nsecret = \"{WRITER}\"\nwrite = [\"sensors-*\", \"lobby\"]\n"
        );
        config.write_all(tokens.as_bytes()).expect("it is written");
        let paths = [&config, &key].map(|file| file.path().to_str().expect("a path is text"));
        let arguments = [&["--config", paths[0], "--jwt-key", paths[1]], more].concat();
        Guarded { server: Server::start_logging("trace", &arguments), files: [config, key] }
    }

    /// The status of the answer to an upgrade.
    fn status(&self, upgrade: &Upgrade) -> u16 {
        answer_to(self.server.address(), &upgrade.bytes()).status
    }

    /// Writes the file of settings anew, and has it read again.
    fn reload(&self, settings: &str) {
        std::fs::write(self.files[0].path(), settings).expect("it is written");
        self.server.hang_up();
    }

    fn open(&self, upgrade: &Upgrade) -> Raw {
        Raw::dial(self.server.address()).opened(upgrade)
    }
}

fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    i64::try_from(now).expect("a time") + seconds
}

fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(KEY)).expect("a token")
}

fn with(path: &str, token: &str) -> Upgrade {
    Upgrade::to(path).with("Authorization", &format!("Bearer {token}"))
}

#[test]
fn a_token_comes_by_header_subprotocol_or_query() {
    let guarded = Guarded::start(&[]);
    let by_query = Upgrade::to(&format!("/rooms/a?x=1&token={READER}&y"));
    let escaped = WRITER.replace('/', "%2F").replace('+', "%2B").replace('=', "%3d");
    let escaped_query = Upgrade::to(&format!("/rooms/lobby?token={escaped}"));
    let by_subprotocol =
        Upgrade::to("/rooms/a").with("Sec-WebSocket-Protocol", &format!("sockeye.bearer.{READER}, sockeye.rooms.v1"));
    let raw =
        Upgrade::to("/rooms/a").with("Sec-WebSocket-Protocol", &format!("sockeye.raw.v1, sockeye.bearer.{READER}"));
    for (upgrade, answered) in [
        (with("/rooms/a", READER), None),
        (Upgrade::to("/rooms/a").with("Authorization", &format!("bearer  {READER}")), None),
        (by_query, None),
        (escaped_query, None),
        (by_subprotocol, Some("sockeye.rooms.v1")),
        (raw, Some("sockeye.raw.v1")),
        (with("/echo", READER), None),
        (with("/", &signed(&json!({"exp": in_seconds(60)}))), None),
    ] {
        let response = answer_to(guarded.server.address(), &upgrade.bytes());
        assert_eq!(response.status, 101, "{}", response.head);
        assert_eq!(response.header("Sec-WebSocket-Protocol"), answered);
        assert!(!response.head.contains("s3cret"), "{}", response.head);
    }
}

#[test]
fn who_has_none_gets_401() {
    let guarded = Guarded::start(&[]);
    let good = json!({"exp": in_seconds(60), "read": ["*"]});
    let [head, claims, signature] = &signed(&good).split('.').map(str::to_owned).collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let part = |json: Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let other_key = EncodingKey::from_secret(b"another key of thirty-two bytes or more");
    let other_algorithm =
        encode(&Header::new(Algorithm::HS512), &good, &EncodingKey::from_secret(KEY)).expect("a token");
    let tokens = [
        String::new(),
        "x".into(),
        READER[..READER.len() - 1].into(),
        format!("{READER}x"),
        READER.to_uppercase(),
        WRITER.replace('+', " "),
        "a.b.c".into(),
        "..".into(),
        // Signed by nobody, by another, or for something else.
        format!("{}.{claims}.", part(json!({"alg": "none"}))),
        format!("{}.{claims}.{signature}", part(json!({"alg": "none", "typ": "JWT"}))),
        format!("{head}.{claims}."),
        format!("{head}.{}.{signature}", part(json!({"exp": in_seconds(600), "read": ["*"]}))),
        encode(&Header::new(Algorithm::HS256), &good, &other_key).expect("a token"),
        other_algorithm,
        // Without an end, past it, not begun, or with one that is none.
        signed(&json!({"read": ["*"]})),
        signed(&json!({"exp": in_seconds(-1), "read": ["*"]})),
        signed(&json!({"exp": in_seconds(60), "nbf": in_seconds(60), "read": ["*"]})),
        signed(&json!({"exp": "soon", "read": ["*"]})),
        signed(&json!({"exp": -1, "read": ["*"]})),
        signed(&json!({"exp": 1e300, "read": ["*"]})),
        signed(&json!({"exp": in_seconds(60), "read": "*"})),
    ];
    assert_eq!(guarded.status(&Upgrade::to("/rooms/a")), 401);
    assert_eq!(guarded.status(&Upgrade::to("/echo")), 401);
    assert_eq!(guarded.status(&Upgrade::to("/rooms/a").with("Authorization", &format!("Basic {READER}"))), 401);
    for token in &tokens {
        let response = answer_to(guarded.server.address(), &with("/rooms/a", token).bytes());
        assert_eq!(response.status, 401, "{token}: {}", response.head);
        assert!(
            response.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Bearer")),
            "{}",
            response.head
        );
    }
    // The pages are for everybody, what is in the rooms is not.
    assert_eq!(Http::get("/chat").ask(guarded.server.address()).0.status, 200);
    assert_eq!(Http::get("/rooms/a").ask(guarded.server.address()).0.status, 401);
    assert_eq!(Http::post("/rooms/a", b"x").ask(guarded.server.address()).0.status, 401);
    assert!(guarded.server.metric("sockeye_refusals_total{reason=\"token\"}") >= tokens.len() as f64);
}

#[test]
fn a_token_allows_what_it_says() {
    let guarded = Guarded::start(&[]);
    let address = guarded.server.address();
    // Who may only read.
    let mut reader = guarded.open(&with("/rooms/lobby", READER));
    assert_eq!(
        Http::post("/rooms/lobby", b"x").with("Authorization", &format!("Bearer {READER}")).ask(address).0.status,
        403
    );
    // Who may only write, and where.
    assert_eq!(guarded.status(&with("/rooms/private", WRITER)), 403);
    assert_eq!(guarded.status(&with("/rooms/lobby2", WRITER)), 403);
    assert_eq!(Http::get("/rooms/lobby").with("Authorization", &format!("Bearer {WRITER}")).ask(address).0.status, 403);
    let mut writer = guarded.open(&with("/rooms/lobby", WRITER));
    writer.send(&masked(TEXT, b"from the writer"));
    assert_eq!(reader.text(), "from the writer");
    let (response, _) =
        Http::post("/rooms/lobby", b"from outside").with("Authorization", &format!("Bearer {WRITER}")).ask(address);
    assert_eq!(response.status, 200);
    assert_eq!(reader.text(), "from outside");
    // The writer hears nothing of it: the next frame is the pong.
    writer.send(&masked(PING, b"still here"));
    assert_eq!(writer.frame().expect("a pong").first, PONG);
    // The reader may not write, in neither way.
    reader.send(&masked(TEXT, b"me too"));
    assert_eq!(reader.close_frame_code(), Some(1008));
    let mut reader = guarded.open(&with("/rooms/lobby", READER).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1"));
    reader.send(&masked(TEXT, br#"{"kind":"join","name":"reader"}"#));
    assert!(reader.text().contains("welcome"));
    reader.send(&masked(TEXT, br#"{"kind":"message","text":"me too"}"#));
    assert_eq!(reader.close_frame_code(), Some(1008));
    // A writer that joins is told of nobody.
    let upgrade = with("/rooms/lobby", WRITER).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
    let mut joined = guarded.open(&upgrade);
    joined.send(&masked(TEXT, br#"{"kind":"join","name":"writer"}"#));
    let welcome: Value = serde_json::from_str(&joined.text()).expect("JSON");
    assert_eq!((&welcome["members"], &welcome["history"]), (&json!([]), &json!([])), "{welcome}");
    // What a signed token says.
    let token = signed(&json!({"exp": in_seconds(60), "read": ["news"], "write": ["news", "sensors-*"]}));
    for (path, status) in [("/rooms/news", 101), ("/rooms/sensors-1", 101), ("/rooms/news2", 403), ("/rooms/*", 404)] {
        assert_eq!(guarded.status(&with(path, &token)), status, "{path}");
    }
}

#[test]
fn the_connection_ends_with_its_token() {
    let guarded = Guarded::start(&[]);
    let long = signed(&json!({"exp": in_seconds(600), "read": ["*"], "write": ["*"]}));
    let mut stays = guarded.open(&with("/rooms/end", &long));
    // Of the next whole seconds one at least is still to come when the request arrives.
    let short = signed(&json!({"exp": in_seconds(2), "read": ["*"], "write": ["*"]}));
    let mut ending: Vec<_> = ["/rooms/end", "/echo"].map(|path| guarded.open(&with(path, &short))).into();
    for raw in &mut ending {
        let frame = raw.frame().expect("a close, within the token's time");
        assert_eq!(frame.close_code(), Some(1008));
        assert!(String::from_utf8_lossy(&frame.payload).contains("expired"));
        raw.send(&masked(CLOSE, &closing(1008, b"")));
        assert_eq!(raw.rest(), b"");
    }
    assert_eq!(guarded.status(&with("/echo", &short)), 401, "it has expired");
    stays.round_trip(b"still here");
    assert_eq!(guarded.server.metric("sockeye_closes_total{reason=\"expired\"}"), 2.0);
}

#[test]
fn tokens_are_told_to_nobody() {
    let guarded = Guarded::start(&[]);
    let jwt = signed(&json!({"exp": in_seconds(60), "read": ["*"], "write": ["*"]}));
    let wrong = format!("wrong-{READER}");
    for token in [READER, WRITER, &jwt, &wrong] {
        for upgrade in [
            with("/rooms/lobby", token),
            with("/rooms/private", token),
            with("/nothing", token),
            Upgrade::to(&format!("/rooms/lobby?token={token}")),
            Upgrade::to(&format!("/rooms/a/b?token={token}")),
            Upgrade::to(&format!("/rooms/lobby?token={token}&token=x")).set("Host", "evil.example"),
            Upgrade::to("/rooms/lobby")
                .with("Sec-WebSocket-Protocol", &format!("sockeye.bearer.{}", token.replace(['/', '='], "-"))),
            Upgrade::to("/rooms/lobby").with("Sec-WebSocket-Protocol", &format!("sockeye.bearer.{token}, a b")),
        ] {
            let mut raw = Raw::dial(guarded.server.address());
            raw.try_send(&upgrade.bytes());
            let response = raw.response().expect("an answer");
            assert!(!response.head.contains("s3cret") && !response.head.contains(&jwt), "{}", response.head);
        }
        let (response, body) = Http::get(&format!("/rooms/lobby?token={token}")).ask(guarded.server.address());
        assert!(!response.head.contains(token) && !body.contains(token));
        let (_, body) = Http::post(&format!("/rooms/lobby?token={token}"), b"\xff").ask(guarded.server.address());
        assert!(!body.contains(token));
    }
    let metrics = guarded.server.metrics();
    guarded.server.interrupt();
    let (_, log) = guarded.server.ended();
    let payload = jwt.split('.').nth(1).expect("claims");
    for secret in ["s3cret", "s3cret+s3cret", payload] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        assert!(!metrics.contains(secret), "{secret} is in the metrics:\n{metrics}");
    }
}

#[test]
fn a_reload_takes_other_tokens_while_connections_stay() {
    const NEXT: &str = "next-s3cret-s3cret";
    let guarded = Guarded::start(&[]);
    let mut old = guarded.open(&with("/rooms/lobby", READER));
    guarded.reload(&format!("[[token]]\nname = \"next\"\nsecret = \"{NEXT}\"\nread = [\"*\"]\n"));
    guarded.server.log_with("the tokens were read again");
    let status = |token| guarded.status(&with("/rooms/lobby", token));
    assert_eq!((status(READER), status(NEXT)), (401, 101));
    old.round_trip(b"still here");
    guarded.reload(&format!("[[token]]\nname = \"other\"\nsecret = \"short\"\nread = [\"{READER}\"]\n"));
    guarded.server.log_with("the tokens stay as they are");
    assert_eq!((status(READER), status(NEXT)), (401, 101));
    let log = guarded.server.log_with(":3: token.secret");
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn a_reload_shuts_the_door_and_opens_it_to_nobody() {
    let config = NamedTempFile::new().expect("a file");
    let server = Server::start_with(&["--config", config.path().to_str().expect("a path is text")]);
    let status = |upgrade: Upgrade| answer_to(server.address(), &upgrade.bytes()).status;
    server.hang_up();
    server.log_with("there are no tokens: everybody is let in");
    assert_eq!(status(Upgrade::to("/echo")), 101);
    let token = format!("[[token]]\nname = \"reader\"\nsecret = \"{READER}\"\nread = [\"*\"]\n");
    std::fs::write(config.path(), token).expect("it is written");
    server.hang_up();
    server.log_with("the tokens were read again");
    assert_eq!((status(Upgrade::to("/echo")), status(with("/echo", READER))), (401, 101));
    std::fs::write(config.path(), "").expect("it is written");
    server.hang_up();
    server.log_with("everybody would be let in");
    assert_eq!((status(Upgrade::to("/echo")), status(with("/echo", READER))), (401, 101));
}

#[test]
fn a_key_that_is_too_short_or_missing() {
    let short = NamedTempFile::new().expect("a file");
    for path in [short.path().to_str().expect("a path is text"), "/nonexistent/key"] {
        let output = sockeye_tests::run_sockeye(
            &["serve", "--listen", "127.0.0.1:0", "--ops-listen", "off", "--jwt-key", path],
            b"",
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(path), "{said}");
    }
}

//! The file of settings, the environment and the flags: what is in force, and mistakes by file, line and key.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use sockeye_tests::{run_sockeye, sockeye};
use tempfile::NamedTempFile;

/// Its line, its key, and a part of what is said of it.
type Mistake = (usize, &'static str, &'static str);

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".toml").expect("a file");
    file.write_all(text.as_bytes()).expect("it is written");
    file
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

/// Asserts that these are all mistakes in a file.
fn assert_mistakes(text: &str, expected: &[Mistake]) {
    let file = file(text);
    let path = shown(file.path());
    for arguments in [&["check-config", path][..], &["serve", "--config", path], &["--config", path]] {
        let output = run_sockeye(arguments, b"");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{text}\n{said}");
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{text}\n{said}");
        for (line, (number, key, part)) in lines.iter().zip(expected) {
            let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
            let begin = format!("sockeye: {path}:{number}: {key}");
            assert!(line.starts_with(&begin) && line.contains(part), "{text}\n{line}\nis not {begin}{part}");
        }
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn each_mistake_is_named() {
    let cases: &[(&str, &[Mistake])] = &[
        ("lisen = \"127.0.0.1:1\"", &[(1, "lisen", "no such setting")]),
        ("\n\nlisten = \"nowhere\"", &[(3, "listen", "invalid socket address")]),
        ("listen = 9001", &[(1, "listen", "invalid socket address")]),
        ("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]", &[(1, "listen", "not a list")]),
        ("listen = []", &[(1, "listen", "not a list")]),
        ("listen = 1979-05-27", &[(1, "listen", "a string")]),
        ("origin = [\"https://a.example\", \"b.example\"]", &[(1, "origin", "an origin is a scheme")]),
        ("host = \"\"", &[(1, "host", "")]),
        ("[limit]\nconnections = -1", &[(2, "limit.connections", "")]),
        ("[limit]\nconnections = \"many\"", &[(2, "limit.connections", "invalid digit")]),
        ("[limit]\nmessage = 0", &[(2, "limit.message", "")]),
        ("[limit]\nconections = 1", &[(2, "limit.conections", "no such setting")]),
        ("[limits]\nconnections = 1", &[(2, "limits.connections", "no such setting")]),
        ("[room]\nslow = \"drop\"", &[(2, "room.slow", "close, drop-oldest")]),
        ("[room]\nempty = \"a minute\"", &[(2, "room.empty", "seconds")]),
        ("[room]\nempty = -1", &[(2, "room.empty", "seconds")]),
        ("[room]\nempty = inf", &[(2, "room.empty", "seconds")]),
        ("[log]\nlevel = \"loud\"", &[(2, "log.level", "error, warn, info, debug, trace")]),
        ("[ops]\nlisten = \"9002\"", &[(2, "ops.listen", "nor off")]),
        ("proxy = [\"localhost\"]", &[(1, "proxy", "invalid IP address")]),
        ("print-config = true", &[(1, "print-config", "no such setting")]),
        ("config = \"other.toml\"", &[(1, "config", "no such setting")]),
        ("[limit]\nconnections = 1\nconnections = 2", &[(3, "", "duplicate")]),
        ("limit-connections = 1\n[limit]\nconnections = 2", &[(3, "limit.connections", "said before")]),
        ("listen = \"127.0.0.1:1", &[(1, "", "")]),
        ("[limit", &[(1, "", "")]),
        ("token = \"0123456789abcdef\"", &[(1, "token", "no such setting")]),
        ("[[token]]\nread = [\"a\"]", &[(2, "token.secret", "16 characters")]),
        ("[[token]]\nname = \"a\"\nsecret = \"short\"", &[(3, "token.secret", "16 characters")]),
        ("[[token]]\nsecret = \"0123456789abcde \"", &[(2, "token.secret", "letters")]),
        ("[[token]]\nsecret = 1234567890123456", &[(2, "token.secret", "a string")]),
        ("[[token]]\nsecret-file = \"/nonexistent/secret\"", &[(2, "token.secret-file", "/nonexistent/secret")]),
        ("[[token]]\nsecret = \"0123456789abcdef\"\nread = \"a\"", &[(3, "token.read", "list")]),
        ("[[token]]\nsecret = \"0123456789abcdef\"\nwrite = [\"a/b\"]", &[(3, "token.write", "rooms")]),
        ("[[token]]\nsecret = \"0123456789abcdef\"\nrights = []", &[(3, "token.rights", "no such setting")]),
        // All of them, in order.
        (
            "lisen = 1\n[limit]\nmessages = -1\n[room]\nslow = \"x\"\n",
            &[(1, "lisen", ""), (3, "limit.messages", ""), (5, "room.slow", "")],
        ),
    ];
    for (text, expected) in cases {
        assert_mistakes(text, expected);
    }
}

#[test]
fn a_secret_is_in_no_mistake() {
    for text in [
        "[[token]]\nsecret = [\"s3cret-s3cret-s3cret\"]",
        "[[token]]\nsecret = \"s3cret-s3cret s3cret\"",
        "token = \"s3cret-s3cret-s3cret\"",
    ] {
        let file = file(text);
        let output = run_sockeye(&["check-config", shown(file.path())], b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there() {
    for arguments in [&["check-config", "/nonexistent.toml"][..], &["serve", "--config", "/nonexistent.toml"]] {
        let output = run_sockeye(arguments, b"");
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("sockeye: /nonexistent.toml: "), "{said}");
    }
}

const GOOD: &str = r#"
listen = "127.0.0.1:0"
host = ["example.com", "www.example.com"]
origin = "https://example.com"
proxy = ["10.0.0.1", "::1"]

[limit]
connections = 1_000
connections-per-address = 0x10
message = 4096

[room]
slow = "drop-oldest"
empty = 0.5

[log]
level = "debug"

[[token]]
name = "gateway"
secret = "s3cret-s3cret-s3cret"
read = ["*"]
write = ["sensors-*", "lobby"]
"#;

#[test]
fn a_good_file() {
    let file = file(GOOD);
    let output = run_sockeye(&["check-config", shown(file.path())], b"");
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn the_file_in_the_manual() {
    let manual = include_str!("../../docs/operate.md");
    let example = manual.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let secret = file("s3cret-s3cret-s3cret\n");
    let example = example.replace("/run/credentials/sockeye.service/gateway", shown(secret.path()));
    assert!(example.contains(shown(secret.path())), "it shows where a secret goes");
    let file = file(&example);
    let output = run_sockeye(&["check-config", shown(file.path())], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What is printed as in force, with these variables and arguments.
fn in_force(file: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = Command::new(sockeye());
    command.args(["serve", "--print-config", "--config", shown(file)]).args(arguments).envs(variables.iter().copied());
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn what_is_in_force() {
    let file = file(GOOD);
    let variables = [
        ("SOCKEYE_LIMIT_MESSAGE", "8192"),
        ("SOCKEYE_HOST", "a.example, b.example"),
        ("SOCKEYE_ROOM_SLOW", "close"),
        ("SOCKEYE_ORIGIN", "https://env.example"),
    ];
    let printed =
        in_force(file.path(), &variables, &["--room-slow", "drop-oldest", "--origin", "https://flag.example"]);
    let expected = [
        ("listen = \"127.0.0.1:0\"", "file"),
        ("host = [\"a.example\", \"b.example\"]", "environment"),
        ("origin = [\"https://flag.example\"]", "command line"),
        ("proxy = [\"10.0.0.1\", \"::1\"]", "file"),
        ("connections = 1000", "file"),
        ("connections-per-address = 16", "file"),
        ("message = 8192", "environment"),
        ("slow = \"drop-oldest\"", "command line"),
        ("empty = 0.5", "file"),
        ("level = \"debug\"", "file"),
        ("format = \"text\"", "default"),
    ];
    for (setting, source) in expected {
        let line = printed.lines().find(|line| line.starts_with(setting));
        let line = line.unwrap_or_else(|| panic!("no {setting} in\n{printed}"));
        assert!(line.ends_with(&format!("# {source}")), "{line}");
    }
    assert!(!printed.contains("s3cret"), "{printed}");
    // It is a file by itself, which says the same.
    let again = self::file(&printed);
    let check = run_sockeye(&["check-config", shown(again.path())], b"");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let without_sources = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim().to_owned()).collect()
    };
    let (once, twice) = (without_sources(&printed), without_sources(&in_force(again.path(), &[], &[])));
    assert_eq!(
        once.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        twice.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()
    );
}

#[test]
fn mistakes_in_the_environment() {
    for (variable, value) in
        [("SOCKEYE_LISTEN", "x"), ("SOCKEYE_LIMIT_CONNECTIONS", "-1"), ("SOCKEYE_ORIGIN", "https://a.example,b")]
    {
        let output =
            Command::new(sockeye()).args(["serve", "--print-config"]).env(variable, value).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("sockeye: {variable}: ")), "{said}");
    }
}

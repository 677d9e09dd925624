//! `sockeye connect URL`: a WebSocket client for a terminal or a pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sockeye_tokio::proto::Limits;
use sockeye_tokio::{CloseCode, Config, ConnectError, Connection, Error, Kind, Message, Receiver, Sender, Transport};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::interval;

use crate::show::{Bytes, Escaped};
use crate::way::{Way, without_secrets};

/// Exit codes: 0 the connection was closed as it should (1000, 1001 or no code), 1 it failed, 2 the command line or
/// the input is wrong, 3 the server closed it with another code.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes:\n  0  closed with 1000, 1001 or without a code\n  1  no connection, or it failed\n  \
    2  the command line or the input is wrong\n  3  the server closed with another code\n\n\
    At the end of its input it closes, and waits for the answers that come before the server's close."
)]
pub(crate) struct Args {
    /// Where to connect to: ws://HOST:PORT/PATH, or wss:// for TLS
    url: String,
    #[command(flatten)]
    way: Way,
    /// Send the lines as binary messages, not as texts.
    #[arg(long)]
    binary: bool,
    /// Ping once a second, and tell the round trip on standard error.
    #[arg(long)]
    ping: bool,
    /// At a terminal, do not escape the control characters in what comes.
    #[arg(long)]
    raw: bool,
}

/// How it ended otherwise than well.
enum Failure {
    Connection(Error),
    Input(String),
    Output(io::Error),
}

pub(crate) async fn run(args: Args) -> ExitCode {
    let Args { url, way, binary, ping, raw } = args;
    let way = way.config().map(|config| Config { limits: Limits::message(64 << 20), ..config });
    let config = match way {
        Ok(config) => config,
        Err(why) => {
            eprintln!("sockeye: {why}");
            return ExitCode::from(2);
        }
    };
    let mut ws = match sockeye_tokio::connect(&url, config).await {
        Ok(ws) => ws,
        Err(error) => {
            eprintln!("sockeye: {}: {}", Escaped(without_secrets(&url)), Escaped(&error.to_string()));
            let wrong = matches!(error, ConnectError::Uri(_) | ConnectError::NoTls | ConnectError::Write(_));
            return ExitCode::from(if wrong { 2 } else { 1 });
        }
    };
    if let Some(subprotocol) = ws.subprotocol.as_deref().filter(|_| io::stderr().is_terminal()) {
        eprintln!("subprotocol {}", Escaped(subprotocol));
    }
    let show = Show { terminal: io::stdout().is_terminal(), raw };
    let ended = talk(&mut ws, if binary { Kind::Binary } else { Kind::Text }, ping, &show).await;
    match ended {
        Ok(()) => closed(&ws.receiver),
        Err(Failure::Connection(error)) => {
            eprintln!("sockeye: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Input(error)) => {
            eprintln!("sockeye: {error}");
            let _ = ws.close(CloseCode::NORMAL, "").await;
            ExitCode::from(2)
        }
        // Whoever reads our output has enough, as `head` has after some lines.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            eprintln!("sockeye: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Both directions until the server closes; our end of input closes our side.
async fn talk<S: Transport>(ws: &mut Connection<S>, kind: Kind, ping: bool, show: &Show) -> Result<(), Failure> {
    let Connection { receiver, sender, .. } = ws;
    let receive = async {
        let mut round_trip = None;
        while let Some(message) = receiver.message().await.map_err(Failure::Connection)? {
            show.message(&message).map_err(Failure::Output)?;
            if ping && receiver.round_trip() != round_trip {
                round_trip = receiver.round_trip();
                eprintln!("round trip {:.3} ms", round_trip.unwrap_or_default().as_secs_f64() * 1e3);
            }
        }
        Ok(())
    };
    let send = async {
        let sent = send_lines(sender, kind, ping).await;
        // The server closed while we sent: how, the receiver knows.
        if let Err(Failure::Connection(_)) | Ok(()) = sent {
            return std::future::pending().await;
        }
        sent
    };
    tokio::select! {
        received = receive => received,
        sent = send => sent,
    }
}

async fn send_lines<S: Transport>(sender: &mut Sender<S>, kind: Kind, ping: bool) -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    let mut pings = interval(Duration::from_secs(1));
    let mut number = 0u64;
    loop {
        tokio::select! {
            line = lines.next_segment() => {
                let Some(mut line) = line.map_err(|error| Failure::Input(format!("standard input: {error}")))? else {
                    return sender.close(CloseCode::NORMAL, "").await.map_err(Failure::Connection);
                };
                number += 1;
                if line.ends_with(b"\r") {
                    line.pop();
                }
                if kind == Kind::Text && str::from_utf8(&line).is_err() {
                    return Err(Failure::Input(format!("line {number} of the input is not UTF-8; see --binary")));
                }
                sender.send(kind, &line).await.map_err(Failure::Connection)?;
            }
            _ = pings.tick(), if ping => sender.ping(b"sockeye").await.map_err(Failure::Connection)?,
            _ = tokio::signal::ctrl_c() => {
                return sender.close(CloseCode::GOING_AWAY, "").await.map_err(Failure::Connection);
            }
        }
    }
}

fn closed<S: Transport>(receiver: &Receiver<S>) -> ExitCode {
    let Some(close) = receiver.close() else { return ExitCode::SUCCESS };
    match close.code() {
        None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY) => ExitCode::SUCCESS,
        Some(code) => {
            eprintln!("sockeye: the server closed with {code} {}", Escaped(close.reason()));
            ExitCode::from(3)
        }
    }
}

/// How messages are shown.
struct Show {
    terminal: bool,
    raw: bool,
}

impl Show {
    fn message(&self, message: &Message<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match message.text() {
            Some(text) if self.terminal && !self.raw => writeln!(out, "{}", Escaped(text))?,
            None if self.terminal && !self.raw => writeln!(out, "{}", Bytes(message.payload))?,
            _ => {
                out.write_all(message.payload)?;
                out.write_all(b"\n")?;
            }
        }
        out.flush()
    }
}

//! How to serve. One definition for three sources, the last strongest: `limit.connections` in the file is
//! `SOCKEYE_LIMIT_CONNECTIONS` in the environment and `--limit-connections` on the command line.

mod file;
mod sources;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{Config, Host, Origin};

pub(crate) use self::file::Token;
pub(crate) use self::sources::{Loaded, Mistakes, check, load, tokens};
use crate::{auth, tls};

/// The settings; their names here are those of the flags.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// The address to listen on. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9001")]
    pub(crate) listen: SocketAddr,
    /// Threads that serve, each with a listener of its own for the same address; 0 is one a core.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) threads: usize,
    /// A name that this server is reached by, besides IP addresses and localhost. `*` takes every name, and gives up
    /// the protection against DNS rebinding.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) host: Vec<String>,
    /// An origin whose pages may connect, such as https://example.com, besides this server's own. `*` takes every
    /// origin, and gives up the protection against cross-site hijacking.
    #[arg(long, value_name = "ORIGIN", value_parser = parse_origin)]
    pub(crate) origin: Vec<String>,
    /// A proxy in front of this server, whose X-Forwarded-For says who the client is.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) proxy: Vec<IpAddr>,
    /// The least level of what is logged; RUST_LOG, where it is set, says more precisely what.
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Watching it")]
    pub(crate) log_level: Level,
    /// How it is logged: a line of text, or of JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Watching it")]
    pub(crate) log_format: LogFormat,
    /// Where /healthz, /readyz and /metrics are: for the operator, not for strangers. `off` is nowhere.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9002", help_heading = "Watching it")]
    pub(crate) ops_listen: OpsListen,
    /// Connections in all; 0 is as many as the process may have descriptors for, less 64.
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = LIMITS)]
    pub(crate) limit_connections: usize,
    /// Connections from one address (of IPv6, from one /64); 0 is any number.
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = LIMITS)]
    pub(crate) limit_connections_per_address: usize,
    /// Handshakes a second, in all; 0 is any number.
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = LIMITS)]
    pub(crate) limit_handshakes: u32,
    /// Messages a second from one connection, which may send those of 2 s at once; 0 is any number.
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = LIMITS)]
    pub(crate) limit_messages: u32,
    /// Bytes of payload a second from one connection, which may send those of 2 s at once; 0 is any number.
    #[arg(long, value_name = "BYTES", default_value_t = 0, help_heading = LIMITS)]
    pub(crate) limit_bytes: u32,
    /// The longest message to a room, in bytes.
    #[arg(long, value_name = "BYTES", default_value = "65536", help_heading = LIMITS)]
    pub(crate) limit_message: NonZeroUsize,
    /// What all connections together may hold of messages that are not whole yet, in bytes.
    #[arg(long, value_name = "BYTES", default_value = "268435456", help_heading = LIMITS)]
    pub(crate) limit_partial: NonZeroUsize,
    /// What may wait for all slow clients together, in bytes.
    #[arg(long, value_name = "BYTES", default_value = "268435456", help_heading = LIMITS)]
    pub(crate) limit_outbox: NonZeroUsize,
    /// Rooms at a time.
    #[arg(long, value_name = "COUNT", default_value = "10000", help_heading = ROOMS)]
    pub(crate) room_count: NonZeroUsize,
    /// Messages that a room keeps for newcomers and for those who come back.
    #[arg(long, value_name = "COUNT", default_value_t = 50, help_heading = ROOMS)]
    pub(crate) room_history: usize,
    /// Bytes that a room keeps.
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024, help_heading = ROOMS)]
    pub(crate) room_history_bytes: usize,
    /// How long a room keeps a message, in seconds; 0 is until newer ones take its place.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = parse_seconds, help_heading = ROOMS)]
    pub(crate) room_history_time: Duration,
    /// An empty room is gone after so many seconds, and what it kept with it.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds, help_heading = ROOMS)]
    pub(crate) room_empty: Duration,
    /// What becomes of a member who does not keep up: it is closed with 1013, or the oldest of what waits for it is
    /// dropped.
    #[arg(long, value_name = "POLICY", default_value = "close", help_heading = ROOMS)]
    pub(crate) room_slow: Slow,
    /// How many bytes may wait for a member until then.
    #[arg(long, value_name = "BYTES", default_value = "1048576", help_heading = ROOMS)]
    pub(crate) room_behind: NonZeroUsize,
    /// A file with the key of JSON web tokens (HS256), of at least 32 bytes: whoever connects needs such a token, or one
    /// of the file of settings.
    #[arg(long, value_name = "FILE", value_parser = |file: &str| checked(file, auth::read_key), help_heading = DOOR)]
    pub(crate) jwt_key: Vec<PathBuf>,
    /// A file with this server's certificate and those between it and the authority, in PEM: it speaks TLS. SIGHUP reads
    /// it and the key again; connections stay.
    #[arg(long, value_name = "FILE", value_parser = |file: &str| checked(file, tls::read_cert), help_heading = DOOR)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A file with the certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", value_parser = |file: &str| checked(file, tls::read_key), help_heading = DOOR)]
    pub(crate) tls_key: Option<PathBuf>,
    /// At a shutdown the connections are closed one after the other within so many seconds.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = parse_seconds, help_heading = DRAIN)]
    pub(crate) drain_spread: Duration,
    /// The shutdown ends after so many seconds, however many are left.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds, help_heading = DRAIN)]
    pub(crate) drain_deadline: Duration,
}

const DOOR: &str = "Who may connect, and how";
const LIMITS: &str = "Limits";
const ROOMS: &str = "Rooms";
const DRAIN: &str = "Shutting down";

/// A level of the log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        })
    }
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What becomes of a member who does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Slow {
    Close,
    DropOldest,
}

/// Where the operator's listener is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpsListen(pub(crate) Option<SocketAddr>);

impl std::str::FromStr for OpsListen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(OpsListen(None)),
            _ => {
                text.parse().map(|address| OpsListen(Some(address))).map_err(|_| "not an address with a port, nor off")
            }
        }
    }
}

impl Settings {
    /// What of it concerns each connection.
    pub(crate) fn config(&self) -> Config {
        let any = |list: &[String]| list.iter().any(|item| item == "*");
        Config {
            // Whoever reassembles messages sets a limit of their own; the echo streams.
            limits: Limits::NONE,
            close_timeout: CLOSE,
            hosts: if any(&self.host) { Host::Any } else { Host::Named(self.host.clone()) },
            origins: if any(&self.origin) { Origin::Any } else { Origin::Listed(self.origin.clone()) },
            budget: sockeye_tokio::Budget::new(self.limit_partial.get(), self.limit_outbox.get()),
            ..Config::default()
        }
    }
}

/// At a shutdown each closing handshake may take so long.
const CLOSE: Duration = Duration::from_secs(3);

fn parse_origin(origin: &str) -> Result<String, String> {
    let host = origin.split_once("://").map(|(_, host)| host);
    let bare = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
    if origin == "*" || origin == "null" || bare {
        Ok(origin.to_owned())
    } else {
        Err("an origin is a scheme and a host, such as https://example.com:8443, without a path".into())
    }
}

/// The path of a file, once what it is for was found in it.
fn checked<T>(file: &str, read: impl Fn(&Path) -> Result<T, String>) -> Result<PathBuf, String> {
    read(Path::new(file)).map(|_| file.into())
}

fn parse_seconds(seconds: &str) -> Result<Duration, String> {
    let parsed = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    parsed
        .filter(|parsed| *parsed <= Duration::from_secs(366 * 24 * 3600))
        .ok_or_else(|| "a number of seconds, of at most a year".into())
}

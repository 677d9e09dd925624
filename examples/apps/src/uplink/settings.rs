//! Where the device dials, as whom, and whom it trusts.

use core::net::Ipv4Addr;

use heapless::String;
use sockeye_embassy::Uri;
#[cfg(feature = "tls")]
use sockeye_embassy::tls::{Pin, Trust};
use static_cell::StaticCell;

/// What is set, by the names that the environment has when a board's image is built. It has no `Debug`: there is a token in
/// it.
#[derive(Clone, Copy, Default)]
pub struct Settings {
    /// `UPLINK_URL`: `wss://HOST/rooms/NAME`, or `ws://` where the wire is safe.
    pub url: Option<&'static str>,
    /// `UPLINK_ADDRESS`: the host's IPv4 address, where no DNS knows its name.
    pub address: Option<&'static str>,
    /// `UPLINK_NAME`: who it is in the room [default: `device`].
    pub name: Option<&'static str>,
    /// `UPLINK_TOKEN`: what it shows to the server.
    pub token: Option<&'static str>,
    /// `UPLINK_PINS`: one or two pins of the server's certificate or key, with a comma between them.
    pub pins: Option<&'static str>,
    /// `UPLINK_CA`: the certificate of an authority, as the base64 of a PEM file in one line.
    pub authority: Option<&'static str>,
    /// `UPLINK_SNTP`: `HOST` or `HOST:PORT`, who is asked for the time when there is an authority [default:
    /// `pool.ntp.org`].
    pub sntp: Option<&'static str>,
}

impl Settings {
    /// What the environment had when this was built.
    pub const BUILT_IN: Settings = Settings {
        url: option_env!("UPLINK_URL"),
        address: option_env!("UPLINK_ADDRESS"),
        name: option_env!("UPLINK_NAME"),
        token: option_env!("UPLINK_TOKEN"),
        pins: option_env!("UPLINK_PINS"),
        authority: option_env!("UPLINK_CA"),
        sntp: option_env!("UPLINK_SNTP"),
    };

    /// From a command line, as emulators have: `NAME=VALUE NAME=VALUE`, others are left aside.
    pub fn from_line(line: &'static str) -> Self {
        let value = |wanted: &str| {
            line.split_ascii_whitespace().filter_map(|word| word.split_once('=')).find(|(name, _)| *name == wanted)
        };
        let value = |wanted| value(wanted).map(|(_, value)| value);
        Settings {
            url: value("UPLINK_URL"),
            address: value("UPLINK_ADDRESS"),
            name: value("UPLINK_NAME"),
            token: value("UPLINK_TOKEN"),
            pins: value("UPLINK_PINS"),
            authority: value("UPLINK_CA"),
            sntp: value("UPLINK_SNTP"),
        }
    }

    /// The name of a setting that is wrong, and what is wrong with it.
    pub(super) fn check(self) -> Result<&'static Target, (&'static str, &'static str)> {
        static TARGET: StaticCell<Target> = StaticCell::new();
        const URL: &str = "UPLINK_URL";
        let url = self.url.filter(|url| !url.is_empty()).ok_or((URL, "it is not set, see docs/boards.md"))?;
        let uri = Uri::parse(url).map_err(|_| (URL, "it is no ws:// or wss:// URL"))?;
        if url.len() > 200 {
            return Err((URL, "it is longer than 200 characters"));
        }
        let address = self.address.map(str::parse).transpose();
        let address = address.map_err(|_| ("UPLINK_ADDRESS", "it is no IPv4 address"))?;
        let name = self.name.unwrap_or("device");
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-._ ".contains(&c);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(("UPLINK_NAME", "it has 1 to 64 letters, digits, spaces or any of -._"));
        }
        let token = self.token.unwrap_or_default();
        if token.len() > 400 || !token.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(("UPLINK_TOKEN", "it has at most 400 characters, and no spaces"));
        }
        #[cfg(not(feature = "tls"))]
        if uri.is_secure() {
            return Err((URL, "it is wss://, and this program is without TLS"));
        }
        #[cfg(feature = "tls")]
        let trust = if uri.is_secure() { self.trust(&uri)? } else { Known::Nobody };
        Ok(TARGET.init(Target {
            url,
            uri,
            address,
            name,
            token,
            #[cfg(feature = "tls")]
            trust,
            #[cfg(feature = "tls")]
            sntp: self.sntp.unwrap_or("pool.ntp.org"),
        }))
    }

    #[cfg(feature = "tls")]
    fn trust(&self, uri: &Uri<'_>) -> Result<Known, (&'static str, &'static str)> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        use heapless::Vec;

        match (self.pins, self.authority) {
            (Some(pins), None) => {
                let mut known = Vec::new();
                for pin in pins.split(',') {
                    let pin = pin.parse().map_err(|_| ("UPLINK_PINS", "it is not key:HASH or certificate:HASH"))?;
                    known.push(pin).map_err(|_| ("UPLINK_PINS", "there are more than two"))?;
                }
                Ok(Known::Pins(known))
            }
            (None, Some(_)) if uri.host().starts_with('[') || uri.host().parse::<Ipv4Addr>().is_ok() => {
                Err(("UPLINK_CA", "it vouches for a name, and UPLINK_URL has an address"))
            }
            (None, Some(authority)) => {
                let mut der = [0; AUTHORITY];
                let decoded = STANDARD.decode_slice(authority, &mut der);
                let len = decoded.map_err(|_| ("UPLINK_CA", "it is not the base64 of at most 1,024 bytes"))?;
                let known = Vec::from_slice(der.get(..len).unwrap_or_default()).unwrap_or_default();
                Ok(Known::Authority(known))
            }
            _ => Err(("UPLINK_PINS", "a wss:// URL needs either this or UPLINK_CA")),
        }
    }
}

/// The longest certificate of an authority, in bytes.
#[cfg(feature = "tls")]
const AUTHORITY: usize = 1_024;

/// Settings that are right.
pub(super) struct Target {
    pub(super) url: &'static str,
    /// The same.
    pub(super) uri: Uri<'static>,
    /// Of its host, if no DNS is to be asked.
    pub(super) address: Option<Ipv4Addr>,
    pub(super) name: &'static str,
    token: &'static str,
    #[cfg(feature = "tls")]
    trust: Known,
    #[cfg(feature = "tls")]
    pub(super) sntp: &'static str,
}

/// Who is trusted.
#[cfg(feature = "tls")]
enum Known {
    /// There is no TLS.
    Nobody,
    Pins(heapless::Vec<Pin, 2>),
    Authority(heapless::Vec<u8, AUTHORITY>),
}

impl Target {
    /// The value of the header; empty without a token.
    pub(super) fn authorization(&self) -> String<408> {
        let mut value = String::new();
        if !self.token.is_empty() {
            // It fits: the token was checked to.
            let _ = value.push_str("Bearer ").and_then(|()| value.push_str(self.token));
        }
        value
    }

    /// Whom to trust, if the time is this.
    #[cfg(feature = "tls")]
    pub(super) fn trust(&self, now: Option<u64>) -> Trust<'_> {
        match &self.trust {
            Known::Nobody => Trust::Pins(&[]),
            Known::Pins(pins) => Trust::Pins(pins),
            Known::Authority(certificate) => Trust::Authority { certificate, now },
        }
    }

    /// Whether somebody has to be asked for the time.
    #[cfg(feature = "tls")]
    pub(super) fn needs_time(&self) -> bool {
        matches!(self.trust, Known::Authority(_))
    }
}

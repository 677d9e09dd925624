//! Which server is the right one.

use core::fmt;
use core::str::FromStr;

/// How the server is known.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Trust<'a> {
    /// The server's certificate or key is one of these. Dates and names do not count, so it needs no clock. With two
    /// pins the server can get a new key: pin the next one before it is used.
    Pins(&'a [Pin]),
    /// The server's certificate, alone in its chain, is signed by the authority's, good now, and for this host.
    ///
    /// embedded-tls looks neither at what a certificate may be used for nor at who may sign (RFC 5280 sections
    /// 4.2.1.3 and 4.2.1.9), looks at no more than three names, and at the common name even if there are others. So
    /// the authority must be your own and sign for nothing but servers that may take this one's place: never one of
    /// the web's. That the chain is of one certificate keeps out who has one and signs others with it.
    Authority {
        /// The authority's own: X.509 in DER, with a P-256 key.
        certificate: &'a [u8],
        /// The time in seconds since 1970, UTC. Without it there is no session ([`NoClock`](super::OpenError::NoClock)),
        /// rather than one with a server whose key was stolen years ago.
        now: Option<u64>,
    },
}

/// What the server shows must have this hash of SHA-256.
///
/// As text it is `key:HEX` or `certificate:HEX`, with 64 hexadecimal digits, between which there may be colons:
///
/// ```
/// use sockeye_embassy::tls::{Pin, PinError};
///
/// let hash = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
/// assert!(matches!(format!("certificate:{hash}").parse(), Ok(Pin::Certificate([0xe3, .., 0x55]))));
/// assert_eq!("key:47DEQpj8HBSa".parse::<Pin>(), Err(PinError::Hash));
/// assert_eq!(hash.parse::<Pin>(), Err(PinError::Kind));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Pin {
    /// Of the key alone (SubjectPublicKeyInfo in DER, as in RFC 7469 section 2.4): it outlives the certificate.
    ///
    /// `openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum`
    Key([u8; 32]),
    /// Of the whole certificate in DER.
    ///
    /// `openssl x509 -in cert.pem -outform der | sha256sum`
    Certificate([u8; 32]),
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let (kind, hex) = text.split_once(':').ok_or(PinError::Kind)?;
        match kind {
            "key" => hash(hex).map(Pin::Key),
            "certificate" => hash(hex).map(Pin::Certificate),
            _ => Err(PinError::Kind),
        }
    }
}

fn hash(hex: &str) -> Result<[u8; 32], PinError> {
    let mut hash = [0; 32];
    let mut digits =
        hex.chars().filter(|c| *c != ':').map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    for byte in &mut hash {
        let [Some(Some(high)), Some(Some(low))] = [digits.next(), digits.next()] else { return Err(PinError::Hash) };
        *byte = high << 4 | low;
    }
    if digits.next().is_none() { Ok(hash) } else { Err(PinError::Hash) }
}

/// What is wrong with the text of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PinError {
    /// It begins with neither `key:` nor `certificate:`.
    Kind,
    /// After that there are not 64 hexadecimal digits.
    Hash,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinError::Kind => "a pin begins with key: or certificate:",
            PinError::Hash => "a pin is a SHA-256 hash: 64 hexadecimal digits",
        })
    }
}

impl core::error::Error for PinError {}

/// Why a server is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Untrusted {
    /// Neither its certificate nor its key is pinned.
    Pin,
    /// Its certificate cannot be read, or is longer than 2 KiB with an authority.
    Certificate,
    /// Its key is not one of P-256.
    Key,
    /// The authority's certificates come alone; with this one came others.
    Chain,
    /// Its certificate is not good any more.
    Expired,
    /// Its certificate is not good yet; or the clock is wrong.
    NotYetValid,
    /// The authority has not signed its certificate, or not for this host.
    Authority,
    /// It does not have the key to its certificate.
    Signature,
    /// It left out its certificate, or the proof that it has the key to it.
    Unproven,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Untrusted::Pin => "neither the server's certificate nor its key is pinned",
            Untrusted::Certificate => "the server's certificate cannot be read",
            Untrusted::Key => "the server's key is not one of P-256",
            Untrusted::Chain => "the server's certificate does not come alone",
            Untrusted::Expired => "the server's certificate has expired",
            Untrusted::NotYetValid => "the server's certificate is not good yet",
            Untrusted::Authority => "the authority has not signed this certificate for this host",
            Untrusted::Signature => "the server does not have the key to its certificate",
            Untrusted::Unproven => "the server did not prove who it is",
        })
    }
}

impl core::error::Error for Untrusted {}

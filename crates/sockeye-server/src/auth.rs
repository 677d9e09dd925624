//! Who may connect, and what they may do in which rooms: by the tokens of the file of settings, or by JSON web tokens.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use sockeye_tokio::proto::Request;

use crate::rooms;
use crate::settings::{self, Token};

/// A token may come as a subprotocol of this beginning, since a page in a browser can set no header.
const SUBPROTOCOL: &str = "sockeye.bearer.";
/// HS256 wants as many bytes as its hash has (RFC 7518 section 3.2).
const SHORTEST_KEY: usize = 32;

/// Who is let in; a reload replaces it while connections stay.
pub(crate) struct Auth {
    /// The file of settings, which has the tokens.
    file: Option<PathBuf>,
    /// As they were named at the start: other names want a restart, other keys in these files do not.
    key_files: Vec<PathBuf>,
    known: RwLock<Known>,
}

/// All that is known of tokens.
struct Known {
    tokens: Vec<Token>,
    keys: Vec<DecodingKey>,
    validation: Validation,
}

/// What whoever connects may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grant {
    /// `None` is everything.
    rights: Option<Box<Rights>>,
}

#[derive(Debug, Clone)]
struct Rights {
    read: Vec<String>,
    write: Vec<String>,
    expires: Option<SystemTime>,
}

/// Why somebody may not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    NoToken,
    UnknownToken,
    Expired,
    /// It says nothing of this room.
    Room,
}

/// What a JSON web token says.
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    write: Vec<String>,
}

impl Auth {
    /// With these tokens of a file, and the keys in these files.
    pub(crate) fn new(file: Option<PathBuf>, tokens: Vec<Token>, key_files: Vec<PathBuf>) -> Result<Self, String> {
        let known = RwLock::new(Known::new(tokens, &key_files)?);
        Ok(Auth { file, key_files, known })
    }

    /// What this request may do.
    pub(crate) fn grant(&self, request: &Request<'_>) -> Result<Grant, Denied> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).grant(request)
    }

    /// Reads the files again, and says whether there is any token to have. If something is wrong with them, all stays
    /// as it is.
    pub(crate) fn reload(&self) -> Result<bool, String> {
        let tokens = self.file.as_deref().map_or_else(|| Ok(Vec::new()), settings::tokens);
        let tokens = tokens.map_err(|mistakes| mistakes.0.join("; "))?;
        let new = Known::new(tokens, &self.key_files)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if new.is_open() && !known.is_open() {
            return Err("there is none in the file any more (keys in other files want a restart), and everybody would be let in".into());
        }
        let is_guarded = !new.is_open();
        *known = new;
        Ok(is_guarded)
    }
}

impl Known {
    fn new(tokens: Vec<Token>, key_files: &[PathBuf]) -> Result<Self, String> {
        let keys = key_files.iter().map(|path| read_key(path)).collect::<Result<_, _>>()?;
        // Of all algorithms this one, whatever a token says; `exp` must be there.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        Ok(Known { tokens, keys, validation })
    }

    /// Whether everybody is let in.
    fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.keys.is_empty()
    }

    fn grant(&self, request: &Request<'_>) -> Result<Grant, Denied> {
        if self.is_open() {
            return Ok(Grant::default());
        }
        let presented = presented(request).ok_or(Denied::NoToken)?;
        let rights = match self.known(presented.as_bytes()) {
            Some(token) => Rights { read: token.read.clone(), write: token.write.clone(), expires: None },
            None => self.signed(&presented)?,
        };
        Ok(Grant { rights: Some(Box::new(rights)) })
    }

    /// The token with this secret. Each is compared, and each to its end, so that the time tells nothing.
    fn known(&self, presented: &[u8]) -> Option<&Token> {
        let fits = |token: &Token| verify_slices_are_equal(token.secret.as_bytes(), presented).is_ok();
        self.tokens.iter().fold(None, |found, token| if fits(token) { Some(token) } else { found })
    }

    fn signed(&self, presented: &str) -> Result<Rights, Denied> {
        let mut denied = Denied::UnknownToken;
        for key in &self.keys {
            match decode::<Claims>(presented, key, &self.validation) {
                Ok(token) => {
                    let Claims { exp, read, write } = token.claims;
                    let since = Duration::try_from_secs_f64(exp).map_err(|_| Denied::UnknownToken)?;
                    let expires = SystemTime::UNIX_EPOCH.checked_add(since).ok_or(Denied::UnknownToken)?;
                    // To the fraction of a second, which the crate leaves aside.
                    if expires <= SystemTime::now() {
                        return Err(Denied::Expired);
                    }
                    return Ok(Rights { read, write, expires: Some(expires) });
                }
                Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => denied = Denied::Expired,
                Err(_) => {}
            }
        }
        Err(denied)
    }
}

/// The token of a request: in its Authorization, among its subprotocols, or in its query.
fn presented<'r>(request: &Request<'r>) -> Option<Cow<'r, str>> {
    let header = || {
        let (scheme, token) = request.header("Authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| Cow::Borrowed(token.trim()))
    };
    let subprotocol =
        || request.subprotocols().find_map(|offered| offered.strip_prefix(SUBPROTOCOL)).map(Cow::Borrowed);
    header().or_else(subprotocol).or_else(|| query(request, "token"))
}

/// A value of the request's query, decoded.
pub(crate) fn query<'r>(request: &Request<'r>, name: &str) -> Option<Cow<'r, str>> {
    let pairs = request.query()?.split('&');
    let mut named = pairs.filter_map(|pair| pair.split_once('=')).filter(|(found, _)| *found == name);
    percent_decode_str(named.next()?.1).decode_utf8().ok()
}

/// The key of JSON web tokens in a file.
pub(crate) fn read_key(path: &Path) -> Result<DecodingKey, String> {
    let key = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match key.trim_ascii() {
        key if key.len() < SHORTEST_KEY => {
            Err(format!("{}: a key of {SHORTEST_KEY} bytes or more is needed", path.display()))
        }
        key => Ok(DecodingKey::from_secret(key)),
    }
}

impl Grant {
    pub(crate) fn may_read(&self, room: &str) -> bool {
        self.rights.as_ref().is_none_or(|rights| allows(&rights.read, room))
    }

    pub(crate) fn may_write(&self, room: &str) -> bool {
        self.rights.as_ref().is_none_or(|rights| allows(&rights.write, room))
    }

    /// How long it still holds, if it ends.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let expires = self.rights.as_ref()?.expires?;
        Some(expires.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

fn allows(patterns: &[String], room: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => room.starts_with(beginning),
        None => pattern == room,
    })
}

/// A room's name, or the beginning of one and `*`.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    let name = pattern.strip_suffix('*').unwrap_or(pattern);
    rooms::is_name(name) || pattern == "*"
}

impl Denied {
    pub(crate) fn status(self) -> u16 {
        if self == Denied::Room { 403 } else { 401 }
    }

    /// For the client, by RFC 6750 section 3.
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Denied::NoToken => "Bearer",
            Denied::UnknownToken | Denied::Expired => "Bearer error=\"invalid_token\"",
            Denied::Room => "Bearer error=\"insufficient_scope\"",
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Denied::NoToken => "a token is needed",
            Denied::UnknownToken => "the token is not known here, or not signed by a key of ours",
            Denied::Expired => "the token has expired",
            Denied::Room => "the token gives no right to this room",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for good in ["a", "a.b-c_D", "sensors-*", "*"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "a/b", "a*b", "**", "a b"] {
            assert!(!is_pattern(bad), "{bad}");
        }
        let patterns = ["lobby", "sensors-*"].map(str::to_owned);
        for (room, is) in
            [("lobby", true), ("lobby2", false), ("sensors-", true), ("sensors-7", true), ("sensor", false)]
        {
            assert_eq!(allows(&patterns, room), is, "{room}");
        }
    }
}

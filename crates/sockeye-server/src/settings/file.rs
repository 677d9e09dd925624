//! The file of settings: TOML, whose tables are the first words of the settings' names.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a file says of one setting.
pub(super) struct Entry {
    /// As a flag is called: `limit-connections`.
    pub(super) name: String,
    /// As the file calls it: `limit.connections`.
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// A token that gives rights, as `[[token]]` has it.
pub(crate) struct Token {
    /// What the file calls it: whose it is.
    pub(crate) name: String,
    /// What a client has to know.
    pub(crate) secret: String,
    /// The rooms that it may read and write: names, `*` at the end stands for any rest.
    pub(crate) read: Vec<String>,
    pub(crate) write: Vec<String>,
}

/// The secret stays one.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A whole file, as far as it can be understood.
#[derive(Default)]
pub(super) struct File {
    pub(super) entries: Vec<Entry>,
    pub(super) tokens: Vec<Token>,
    /// Of each its line, its key if it has one, and what is wrong with it.
    pub(super) mistakes: Vec<(usize, String, String)>,
}

/// A secret that could be guessed is none.
const SHORTEST_SECRET: usize = 16;

impl File {
    pub(super) fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self::parse(&std::fs::read_to_string(path)?))
    }

    fn parse(text: &str) -> Self {
        let mut reader = Reader { text, file: File::default() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            reader.mistake(error.span().unwrap_or_default(), "", error.message());
        }
        if errors.is_empty() {
            reader.table(table.get_ref(), "");
        }
        reader.file.in_order()
    }

    /// The entries as they come in the file, each setting once.
    fn in_order(mut self) -> Self {
        self.entries.sort_by_key(|entry| entry.line);
        let mut names = HashSet::new();
        for entry in &self.entries {
            if !names.insert(&entry.name) {
                self.mistakes.push((entry.line, entry.key.clone(), "this was said before".into()));
            }
        }
        self
    }
}

struct Reader<'t> {
    text: &'t str,
    file: File,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            let key =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            match value.get_ref() {
                DeValue::Array(tokens) if key == "token" => {
                    tokens.iter().for_each(|token| self.token(token, &name.span()));
                }
                DeValue::Table(table) => self.table(table, &key),
                DeValue::Array(array) => {
                    let values: Option<Vec<_>> = array.iter().map(|value| plain(value.get_ref())).collect();
                    self.entry(&key, name.span(), values);
                }
                value => self.entry(&key, name.span(), plain(value).map(|value| vec![value])),
            }
        }
    }

    fn entry(&mut self, key: &str, at: Range<usize>, values: Option<Vec<String>>) {
        match values {
            None => self.mistake(at, key, "a string, a number, or a list of these"),
            Some(values) => {
                let entry =
                    Entry { name: key.replace('.', "-"), key: key.to_owned(), line: self.line(at.start), values };
                self.file.entries.push(entry);
            }
        }
    }

    fn token(&mut self, token: &Spanned<DeValue<'_>>, list: &Range<usize>) {
        let Some(table) = token.get_ref().as_table() else {
            return self.mistake(list.clone(), "token", "a table: [[token]]");
        };
        let mut new = Token { name: String::new(), secret: String::new(), read: Vec::new(), write: Vec::new() };
        let before = self.file.mistakes.len();
        // Where its secret is, or should be.
        let secret = table.iter().find(|(name, _)| name.get_ref().starts_with("secret")).or(table.iter().next());
        let secret = secret.map_or(list.clone(), |(name, _)| name.span());
        for (name, value) in table {
            let key = format!("token.{}", name.get_ref());
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => new.name = text.to_string(),
                ("secret", DeValue::String(text)) => new.secret = text.to_string(),
                ("secret-file", DeValue::String(path)) => match std::fs::read_to_string(path.as_ref()) {
                    Ok(secret) => new.secret = secret.trim().to_owned(),
                    Err(error) => self.mistake(name.span(), &key, &format!("{path}: {error}")),
                },
                ("read", DeValue::Array(rooms)) => new.read = self.rooms(rooms, name, &key),
                ("write", DeValue::Array(rooms)) => new.write = self.rooms(rooms, name, &key),
                ("name" | "secret" | "secret-file", _) => self.mistake(name.span(), &key, "a string"),
                ("read" | "write", _) => self.mistake(name.span(), &key, "a list of rooms"),
                _ => self.mistake(name.span(), &key, "there is no such setting"),
            }
        }
        if self.file.mistakes.len() > before {
            return;
        }
        if new.secret.len() < SHORTEST_SECRET {
            self.mistake(secret, "token.secret", &format!("at least {SHORTEST_SECRET} characters are needed"));
        } else if !new.secret.bytes().all(is_of_token) {
            self.mistake(secret, "token.secret", "only letters, digits and -._~+/= may be in it");
        } else {
            self.file.tokens.push(new);
        }
    }

    fn rooms(
        &mut self,
        rooms: &[Spanned<DeValue<'_>>],
        name: &Spanned<toml::de::DeString<'_>>,
        key: &str,
    ) -> Vec<String> {
        let mut patterns = Vec::new();
        for room in rooms {
            match room.get_ref().as_str().filter(|pattern| crate::auth::is_pattern(pattern)) {
                Some(pattern) => patterns.push(pattern.to_owned()),
                None => self.mistake(name.span(), key, "rooms by their names, which may end in *"),
            }
        }
        patterns
    }

    fn mistake(&mut self, at: Range<usize>, key: &str, what: &str) {
        let line = self.line(at.start);
        self.file.mistakes.push((line, key.to_owned(), what.to_owned()));
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }
}

/// What a bearer token is made of (RFC 6750 section 2.1).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// A value as a flag would have it.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => match number.radix() {
            10 => Some(number.as_str().to_owned()),
            radix => i64::from_str_radix(number.as_str(), radix).ok().map(|number| number.to_string()),
        },
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(is) => Some(is.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

//! Where the settings come from.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _};

use super::Settings;
use super::file::{File, Token};
use crate::tls::Tls;

/// What is in force.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) tokens: Vec<Token>,
    said: Vec<Said>,
}

/// Every mistake, in a line of its own.
#[derive(Debug)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

/// What a source says of a setting.
#[derive(Debug)]
struct Said {
    name: String,
    source: &'static str,
    values: Vec<OsString>,
}

/// Puts together what the command line, the environment and the file say.
pub(crate) fn load(file: Option<&Path>, line: &ArgMatches) -> Result<Loaded, Mistakes> {
    let command = command();
    let mut mistakes = Vec::new();
    let file = read(file, &command, &mut mistakes);
    let mut said = Vec::new();
    for setting in command.get_arguments() {
        said.extend(says_line(setting, line).or_else(|| says_environment(setting, &command, &mut mistakes)).or_else(
            || {
                let entry = file.entries.iter().find(|entry| entry.name == name(setting))?;
                Some(Said {
                    name: entry.name.clone(),
                    source: "file",
                    values: entry.values.iter().map(OsString::from).collect(),
                })
            },
        ));
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes));
    }
    let arguments = said.iter().flat_map(|said| said.values.iter().map(|value| flag(&said.name, value)));
    let settings = settle(command, arguments).map_err(|mistake| Mistakes(vec![mistake]))?;
    Ok(Loaded { settings, tokens: file.tokens, said })
}

/// Every mistake in a file.
pub(crate) fn check(path: &Path) -> Result<(), Mistakes> {
    let (command, mut mistakes) = (command(), Vec::new());
    let file = read(Some(path), &command, &mut mistakes);
    if mistakes.is_empty() {
        let values = file.entries.iter().flat_map(|entry| entry.values.iter().map(|value| (&entry.name, value)));
        let settled = settle(command, values.map(|(name, value)| flag(name, OsStr::new(value))));
        mistakes.extend(settled.err().map(|mistake| format!("{}: {mistake}", path.display())));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
}

/// The tokens in a file that has no mistake.
pub(crate) fn tokens(path: &Path) -> Result<Vec<Token>, Mistakes> {
    let mut mistakes = Vec::new();
    let file = read(Some(path), &command(), &mut mistakes);
    if mistakes.is_empty() { Ok(file.tokens) } else { Err(Mistakes(mistakes)) }
}

/// All settings, of which each is right by itself, and whether they go together.
fn settle(command: Command, arguments: impl Iterator<Item = OsString>) -> Result<Settings, String> {
    let matches = command.try_get_matches_from(arguments);
    let settings = matches.and_then(|matches| Settings::from_arg_matches(&matches)).map_err(|error| what(&error))?;
    Tls::new(&settings)?;
    Ok(settings)
}

/// The settings as a parser of their own: for one setting at a time, or for all.
fn command() -> Command {
    Settings::augment_args(Command::new("sockeye").no_binary_name(true).disable_help_flag(true))
}

/// Reads a file, and tries each entry by itself, so that all of its mistakes are found.
fn read(path: Option<&Path>, command: &Command, mistakes: &mut Vec<String>) -> File {
    let Some(path) = path else { return File::default() };
    let shown = path.display();
    let file = match File::read(path) {
        Ok(file) => file,
        Err(error) => {
            mistakes.push(format!("{shown}: {error}"));
            return File::default();
        }
    };
    let mut found: Vec<_> = file.mistakes.clone();
    for entry in &file.entries {
        let Some(setting) = command.get_arguments().find(|setting| name(setting) == entry.name) else {
            found.push((entry.line, entry.key.clone(), "there is no such setting".into()));
            continue;
        };
        if entry.values.len() != 1 && !is_list(setting) {
            found.push((entry.line, entry.key.clone(), "one value, not a list".into()));
            continue;
        }
        found.extend(entry.values.iter().filter_map(|value| {
            Some((entry.line, entry.key.clone(), wrong(command, &entry.name, OsStr::new(value))?))
        }));
    }
    found.sort();
    mistakes.extend(found.into_iter().map(|(line, key, what)| {
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        format!("{shown}:{line}: {key}{what}")
    }));
    file
}

fn says_line(setting: &Arg, line: &ArgMatches) -> Option<Said> {
    let id = setting.get_id().as_str();
    let given = line.value_source(id) == Some(ValueSource::CommandLine);
    let values = given.then(|| line.get_raw(id))??.map(OsStr::to_owned).collect();
    Some(Said { name: name(setting), source: "command line", values })
}

fn says_environment(setting: &Arg, command: &Command, mistakes: &mut Vec<String>) -> Option<Said> {
    let name = name(setting);
    let variable = format!("SOCKEYE_{}", name.replace('-', "_").to_uppercase());
    let value = std::env::var_os(&variable)?;
    let values = match value.to_str().filter(|_| is_list(setting)) {
        Some(list) => list.split(',').map(|item| item.trim().into()).collect(),
        None => vec![value],
    };
    let wrong = values.iter().filter_map(|value| wrong(command, &name, value));
    mistakes.extend(wrong.map(|what| format!("{variable}: {what}")));
    Some(Said { name, source: "environment", values })
}

fn name(setting: &Arg) -> String {
    setting.get_long().unwrap_or_default().to_owned()
}

fn is_list(setting: &Arg) -> bool {
    matches!(setting.get_action(), ArgAction::Append)
}

fn flag(name: &str, value: &OsStr) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}

/// What is wrong with a value.
fn wrong(command: &Command, name: &str, value: &OsStr) -> Option<String> {
    command.clone().try_get_matches_from([flag(name, value)]).err().map(|error| what(&error))
}

/// The same in one line, without the name, which the caller says.
fn what(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue};
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
        && !valid.is_empty()
    {
        return format!("one of {}", valid.join(", "));
    }
    match std::error::Error::source(error) {
        Some(why) => why.to_string(),
        None => error.render().to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

impl Loaded {
    /// All of it as a file, with where each setting comes from. Secrets are not in it.
    pub(crate) fn to_toml(&self) -> String {
        let command = command();
        let mut tables: Vec<(String, String)> = vec![(String::new(), String::new())];
        for setting in command.get_arguments() {
            let name = name(setting);
            let said = self.said.iter().find(|said| said.name == name);
            let source = said.map_or("default", |said| said.source);
            let values = said.map_or_else(
                || setting.get_default_values().iter().map(|value| value.to_os_string()).collect(),
                |said| said.values.clone(),
            );
            let values: Vec<_> = values.iter().map(|value| as_toml(&value.to_string_lossy())).collect();
            let (table, key) = table_and_key(&name);
            if tables.iter().all(|(other, _)| other != table) {
                tables.push((table.to_owned(), String::new()));
            }
            let Some((_, text)) = tables.iter_mut().find(|(other, _)| other == table) else { continue };
            let line = match &values[..] {
                values if is_list(setting) => format!("{key} = [{}]", values.join(", ")),
                [value] => format!("{key} = {value}"),
                _ => format!("# {key} ="),
            };
            let _ = writeln!(text, "{line:<40} # {source}");
        }
        let tables = tables.into_iter().map(|(table, text)| match &table[..] {
            "" => text,
            _ => format!("\n[{table}]\n{text}"),
        });
        let tokens = match self.tokens.len() {
            0 => String::new(),
            count => format!("\n# and {count} of [[token]], which are not shown\n"),
        };
        tables.chain([tokens]).collect()
    }
}

/// `limit-connections` is `connections` of `[limit]`.
fn table_and_key(name: &str) -> (&str, &str) {
    name.split_once('-').unwrap_or(("", name))
}

fn as_toml(value: &str) -> String {
    if value.parse::<u64>().is_ok() || value.parse::<f64>().is_ok_and(f64::is_finite) {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

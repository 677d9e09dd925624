//! Images: built from `examples`, each kept under a name of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::Machine;

/// A program for a machine.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// What it is made for.
    pub machine: &'static Machine,
    /// A program of `examples/apps`.
    pub app: &'static str,
    /// Whether it logs.
    pub defmt: bool,
    /// Whether its deadlines are a second or two, for tests.
    pub short_deadlines: bool,
}

impl Image {
    /// With its log and its own deadlines.
    pub fn new(machine: &'static Machine, app: &'static str) -> Self {
        Self { machine, app, defmt: true, short_deadlines: false }
    }

    /// What it is called.
    pub fn name(&self) -> String {
        let features = [(!self.defmt, "-no-defmt"), (self.short_deadlines, "-short-deadlines")];
        let words = features.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word);
        format!("{}-{}{}", self.machine.package, self.app, words.collect::<String>())
    }

    /// Builds it, if it is not built, and says where it is: nothing that is built later changes that file.
    ///
    /// # Errors
    /// It does not build; what the compiler said is on standard error.
    pub fn build(&self) -> Result<PathBuf> {
        let dials = self.app == "uplink";
        let features = [(self.defmt, "defmt"), (self.short_deadlines, "short-deadlines"), (dials, "uplink")];
        let features: Vec<_> = features.into_iter().filter(|(wanted, _)| *wanted).map(|(_, feature)| feature).collect();
        let Machine { package, target, .. } = self.machine;
        build(&self.name(), package, self.app, target, &features.join(","), &[])
    }
}

/// Builds a program of a package of `examples` in an environment that has these `NAME=VALUE` as well, and keeps it under
/// this name.
pub(crate) fn build(
    name: &str,
    package: &str,
    app: &str,
    triple: &str,
    features: &str,
    words: &[String],
) -> Result<PathBuf> {
    let target = target_dir();
    let kept = target.join("images").join(name);
    fs::create_dir_all(target.join("images"))?;
    // Images of several packages and features have one name in cargo's directory: until it is copied, none may be
    // built but this.
    let lock = File::create(target.join("lock"))?;
    lock.lock()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--release", "--locked", "--manifest-path"]);
    cargo.arg(format!("examples/{package}/Cargo.toml")).args(["--bin", app, "--target", triple]);
    cargo.args(["--no-default-features", "--features", features]);
    cargo.envs(words.iter().filter_map(|word| word.split_once('=')));
    cargo.arg("--target-dir").arg(&target).arg("--config").arg(short_paths(&target)?);
    cargo.arg("--message-format=json-render-diagnostics");
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{name} does not build");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == app;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    replace(&built.with_context(|| format!("cargo made no program {app}"))?, &kept)?;
    Ok(kept)
}

/// Replaces a file in one step, if its content is another: who reads the old one goes on reading that.
fn replace(new: &Path, kept: &Path) -> io::Result<()> {
    let bytes = fs::read(new)?;
    if fs::read(kept).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let beside = kept.with_extension("new");
    fs::write(&beside, bytes)?;
    fs::rename(beside, kept)
}

/// A configuration of cargo with which no image has a path of this machine in it, on which its size would depend.
fn short_paths(target: &Path) -> Result<PathBuf> {
    let home = env::home_dir().unwrap_or_default().join(".cargo");
    let cargo = env::var_os("CARGO_HOME").map_or(home, PathBuf::from);
    let flags = [(root().join(""), ""), (cargo, "cargo")]
        .map(|(long, short)| format!("--remap-path-prefix={}={short}", long.display()));
    let file = target.join("short-paths.toml");
    fs::write(&file, format!("[build]\nrustflags = {flags:?}\n"))?;
    Ok(file)
}

pub(crate) fn root() -> &'static Path {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    above.unwrap_or(Path::new("."))
}

/// A directory of its own, since other flags than those of a build by hand would have all built anew.
fn target_dir() -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into())).join("device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_a_name_of_its_own() {
        let machine = Machine::named("mps2-an385").expect("it is in the table");
        let image = Image::new(machine, "echo");
        let quiet = Image { defmt: false, ..image };
        let short = Image { short_deadlines: true, ..quiet };
        let names = [image, quiet, short].map(|image| image.name());
        let expected = ["qemu-mps2-echo", "qemu-mps2-echo-no-defmt", "qemu-mps2-echo-no-defmt-short-deadlines"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_file_is_replaced_only_by_another() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (new, kept) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&new, "one")?;
        replace(&new, &kept)?;
        let mut reader = File::open(&kept)?;
        replace(&new, &kept)?;
        fs::write(&new, "two")?;
        replace(&new, &kept)?;
        assert_eq!(io::read_to_string(&mut reader)?, "one");
        assert_eq!(fs::read_to_string(&kept)?, "two");
        Ok(())
    }
}

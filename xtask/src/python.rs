//! Python environments under target/xtask, made once for each content of their requirements.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::{Installer, Missing, attempt};
use crate::process::{ask, command, run, workspace_dir};

/// The Python of an environment that holds what a requirements file names.
pub(crate) fn environment(name: &str, requirements: &Path, installer: &Installer) -> Result<PathBuf> {
    let wanted = fs::read_to_string(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let dir = workspace_dir(name);
    let stamp = dir.join("requirements.txt");
    let python = program(&dir, "python");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && python.is_file() {
        return Ok(python);
    }
    create(&dir, installer)?;
    let mut pip = command(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // pip checks every hash as soon as the file has one; saying so makes one that has none fail.
    if wanted.contains("--hash") {
        pip.args(["--require-hashes", "--only-binary", ":all:"]);
    }
    attempt(&format!("what {} names", requirements.display()), pip.arg("-r").arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

/// An empty environment of the machine's Python 3.
pub(crate) fn create(dir: &Path, installer: &Installer) -> Result<()> {
    let ready = || ask("python3", &["-c", "import ensurepip, venv"]).is_some();
    installer.debian("Python 3 with venv", &["python3", "python3-venv"], ready)?;
    let new_enough = "import sys; sys.exit(sys.version_info < (3, 10))";
    if ask("python3", &["-c", new_enough]).is_none() {
        bail!(Missing("python3 is older than 3.10: put a newer one first on the search path".into()));
    }
    run(command("python3").args(["-m", "venv", "--clear"]).arg(dir))
}

/// A program of an environment.
pub(crate) fn program(dir: &Path, name: &str) -> PathBuf {
    if cfg!(windows) { dir.join("Scripts").join(name).with_extension("exe") } else { dir.join("bin").join(name) }
}

//! The programs under test: where they are, and that they are no older than their sources.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// What the programs are built from, below the workspace.
const SOURCES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "crates/sockeye", "crates/sockeye-tokio", "crates/sockeye-server", "examples/web"];

/// The program `sockeye`: the one that `SOCKEYE_BIN` names, or the one that was built beside this test. One that is
/// older than its sources is built anew.
pub fn sockeye() -> &'static Path {
    static SOCKEYE: OnceLock<PathBuf> = OnceLock::new();
    SOCKEYE.get_or_init(|| {
        let build = ["--package", "sockeye-server", "--bin", "sockeye"];
        std::env::var_os("SOCKEYE_BIN").map_or_else(|| beside_this_test("sockeye", &build), PathBuf::from)
    })
}

/// An example of `sockeye-tokio`, built as [`sockeye`] is.
pub(crate) fn example(name: &str) -> PathBuf {
    let build = ["--package", "sockeye-tokio", "--example", name, "--features", "axum,futures,tls"];
    beside_this_test(&format!("examples/{name}"), &build)
}

fn beside_this_test(name: &str, build: &[&str]) -> PathBuf {
    // target/PROFILE/deps/TEST
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.ancestors().nth(2).expect("a test lies below target/PROFILE");
    let target = profile.parent().expect("a profile lies below target");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
    let program = profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));

    let lock = File::create(target.join("sockeye-tests.lock")).expect("a lock file");
    lock.lock().expect("one of the tests builds at a time");
    if modified(&program).is_none_or(|built| SOURCES.iter().any(|source| newest(&workspace.join(source)) > built)) {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(workspace).arg("build").args(build).arg("--target-dir").arg(target);
        match profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(name) => {
                cargo.args(["--profile", name]);
            }
        }
        let built = cargo.status().expect("cargo runs");
        assert!(built.success(), "{name} does not build");
    }
    program
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the newest file below was changed, tests not counted.
fn newest(path: &Path) -> SystemTime {
    let below = fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "tests");
    let files = below.map(|entry| newest(&entry.path()));
    let own = if path.is_file() { modified(path) } else { None };
    files.chain(own).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

//! The program under test: where it is, and that it is no older than its sources.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// What the program is built from, below the workspace.
const SOURCES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "crates/sockeye", "crates/sockeye-tokio", "crates/sockeye-server", "examples/web"];

/// The program `sockeye`: the one that `SOCKEYE_BIN` names, or the one that was built beside this test. One that is
/// older than its sources is built anew.
pub fn sockeye() -> &'static Path {
    static SOCKEYE: OnceLock<PathBuf> = OnceLock::new();
    SOCKEYE.get_or_init(|| std::env::var_os("SOCKEYE_BIN").map_or_else(beside_this_test, PathBuf::from))
}

fn beside_this_test() -> PathBuf {
    // target/PROFILE/deps/TEST
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.ancestors().nth(2).expect("a test lies below target/PROFILE");
    let target = profile.parent().expect("a profile lies below target");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
    let sockeye = profile.join(format!("sockeye{}", std::env::consts::EXE_SUFFIX));

    let lock = File::create(target.join("sockeye-tests.lock")).expect("a lock file");
    lock.lock().expect("one of the tests builds at a time");
    if modified(&sockeye).is_none_or(|built| SOURCES.iter().any(|source| newest(&workspace.join(source)) > built)) {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(workspace).args(["build", "--package", "sockeye-server", "--bin", "sockeye"]);
        cargo.arg("--target-dir").arg(target);
        match profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(name) => {
                cargo.args(["--profile", name]);
            }
        }
        let built = cargo.status().expect("cargo runs");
        assert!(built.success(), "the server does not build");
    }
    sockeye
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

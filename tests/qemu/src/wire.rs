//! QEMU's user network alone, for a machine that QEMU does not have.

use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;

use crate::guest::Guest;

/// A network; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Wire {
    guest: Guest,
    dir: TempDir,
}

impl Wire {
    /// Of a network, which is an option of `-netdev` without its id.
    pub(crate) fn start(network: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "none", "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "none"]);
        let socket = format!("stream,id=n1,server=on,addr.type=unix,addr.path={}", dir.path().join(NAME).display());
        let hubs = ["hubport,id=h0,hubid=0,netdev=n0", "hubport,id=h1,hubid=0,netdev=n1"];
        for end in [&format!("{network},id=n0"), &socket, hubs[0], hubs[1]] {
            command.args(["-netdev", end]);
        }
        Ok(Wire { guest: Guest::start(command, None)?, dir })
    }

    /// The socket that has the other end, or will have it soon.
    pub(crate) fn socket(&self) -> String {
        self.dir.path().join(NAME).display().to_string()
    }

    pub(crate) fn complaints(&self) -> String {
        self.guest.complaints()
    }
}

const NAME: &str = "wire";

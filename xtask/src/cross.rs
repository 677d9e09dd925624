//! The core without its default features, for every bare-metal target.

use anyhow::{Result, bail};

use crate::install::Installer;
use crate::process::{self, cargo};
use crate::table;
use crate::targets::BARE_METAL;

pub(crate) fn run(installer: &Installer) -> Result<()> {
    let mut rows = Vec::new();
    let mut failed = 0;
    for target in BARE_METAL {
        let built = installer.rust_target(target.triple).and_then(|()| {
            process::run(cargo().args(["build", "-p", "sockeye", "--no-default-features", "--target", target.triple]))
        });
        let result = match built {
            Ok(()) => "builds".to_owned(),
            Err(error) if error.is::<crate::install::Missing>() => return Err(error),
            Err(error) => {
                failed += 1;
                format!("{error:#}")
            }
        };
        rows.push(vec![target.triple.to_owned(), target.stands_for.to_owned(), result]);
    }
    table::print(&["target", "stands for", ""], &rows);
    if failed > 0 {
        bail!("the core does not build for {failed} targets");
    }
    Ok(())
}

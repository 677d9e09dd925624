//! What the core and the wrapper for microcontrollers weigh, and that they cannot panic: the same echo server as an
//! image of the core alone and as one of `sockeye-embassy`, linked for two machines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::install::Installer;
use crate::process::{self, cargo, target_dir};
use crate::table;
use crate::targets::BARE_METAL;

/// Called by the probe's panic handler and defined nowhere.
const UNDEFINED: &str = "sockeye_must_not_panic";

/// What to print besides the sizes.
#[derive(Parser, Default)]
pub(crate) struct Args {
    /// Print the biggest symbols too.
    #[arg(long)]
    symbols: bool,
}

/// The one panic that the wrapper cannot be without: of an `async fn` that is polled after its end.
const RESUMED: &[&str] = &["panic_const_async_fn_resumed", "panic_fmt"];

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let mut over = Vec::new();
    for target in BARE_METAL {
        let Some(budget) = &target.probe_budget else { continue };
        installer.rust_target(target.triple)?;
        let core = image(target.triple, Kind::Core, &[])
            .with_context(|| format!("no image for {}; one that names {UNDEFINED} can panic", target.triple))?;
        refuses_a_panic(target.triple)?;
        let wrapper = image(target.triple, Kind::Wrapper, &[])?;
        if let Some(panic) = wrapper.panics().next() {
            bail!("the wrapper's image for {} can panic: {panic}", target.triple);
        }
        if image(target.triple, Kind::Wrapper, &["can-panic"])?.panics().next().is_none() {
            bail!("an image of the wrapper that can panic is not seen for {}: the probe sees nothing", target.triple);
        }
        for (image, what, budget) in [(core, "core", budget.core), (wrapper, "core and wrapper", budget.wrapper)] {
            image.print(&format!("{what}, {}", target.triple), budget, args.symbols);
            if image.own() > budget {
                over.push(format!("{what} {} of {budget} bytes for {}", image.own(), target.triple));
            }
        }
    }
    if !over.is_empty() {
        bail!("own code is over its budget: {}", over.join(", "));
    }
    Ok(())
}

/// Which of the two images.
#[derive(Clone, Copy)]
enum Kind {
    Core,
    Wrapper,
}

/// Builds and reads an image.
fn image(triple: &str, kind: Kind, features: &[&str]) -> Result<Image> {
    let dir = if features.is_empty() { "probe" } else { "probe-can-panic" };
    process::run(&mut build(triple, kind, dir, features))?;
    Image::read(&target_dir().join(dir).join(triple).join("release").join(kind.name()))
}

/// A build of the probe, in a directory of its own so that the two kinds do not replace each other.
fn build(triple: &str, kind: Kind, dir: &str, features: &[&str]) -> Command {
    let mut build = cargo();
    build.args(["build", "--release", "--manifest-path", "xtask/probe/Cargo.toml", "--bin", kind.name()]);
    build.args(["--target", triple, "--target-dir"]).arg(target_dir().join(dir));
    let mut features = features.to_vec();
    if let Kind::Wrapper = kind {
        features.push("wrapper");
    }
    if !features.is_empty() {
        build.args(["--features", &features.join(",")]);
    }
    build
}

/// The probe is worth nothing unless an image that can panic is refused, so that is looked at as well.
fn refuses_a_panic(triple: &str) -> Result<()> {
    let mut build = build(triple, Kind::Core, "probe-can-panic", &["can-panic"]);
    println!("+ {} (must be refused)", process::line(&build));
    let output = build.output()?;
    let named = String::from_utf8_lossy(&output.stderr).contains(UNDEFINED);
    if output.status.success() || !named {
        bail!("an image that can panic is not refused for {triple}: the probe sees nothing");
    }
    Ok(())
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Core => "probe",
            Self::Wrapper => "wrapper",
        }
    }
}

/// Whose code a symbol is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The probe's start, transport and loop, with what of sockeye was inlined into them.
    Glue,
    /// The core and what of the standard library it uses, constants and padding.
    Core,
    Sha1,
    CompilerBuiltins,
}

impl Owner {
    fn of(symbol: &str) -> Self {
        const RUNTIME: &[&str] =
            &["__aeabi_", "__mul", "__div", "__udiv", "__mod", "__umod", "__clz", "__ctz", "__ash", "__lsh"];
        const MEMORY: &[&str] = &["memcpy", "memmove", "memset", "memcmp", "bcmp"];
        let builtin = symbol.contains("compiler_builtins")
            || MEMORY.contains(&symbol)
            || RUNTIME.iter().any(|prefix| symbol.starts_with(prefix));
        if builtin {
            Self::CompilerBuiltins
        } else if symbol.contains("sha1_smol") {
            Self::Sha1
        } else if ["5probe", "7wrapper"].iter().any(|glue| symbol.contains(glue))
            || symbol == "probe_main"
            || symbol == "_start"
        {
            Self::Glue
        } else {
            Self::Core
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Core => "sockeye, constants",
            Self::Glue => "probe, with what it inlines",
            Self::Sha1 => "sha1_smol",
            Self::CompilerBuiltins => "compiler_builtins",
        }
    }
}

/// What lies in flash.
struct Image {
    text: u64,
    rodata: u64,
    /// Symbols that have a size, the biggest first.
    symbols: Vec<(u64, String)>,
}

impl Image {
    fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(bytes.as_slice())?;
        let section = |name: &str| file.section_by_name(name);
        let size = |name: &str| section(name).map_or(0, |section| section.size());
        let in_flash = [section(".text"), section(".rodata")].map(|found| found.map(|s| s.index()));
        let mut symbols = BTreeMap::new();
        for symbol in file.symbols() {
            let code_or_data = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data);
            let placed = symbol.section_index().is_some_and(|index| in_flash.contains(&Some(index)));
            if code_or_data && placed && symbol.size() > 0 {
                // Two names of one place are one symbol.
                let name = symbol.name().unwrap_or_default().to_owned();
                symbols.insert(symbol.address() & !1, (symbol.size(), name));
            }
        }
        let mut symbols: Vec<_> = symbols.into_values().collect();
        symbols.sort_by(|a, b| b.cmp(a));
        Ok(Self { text: size(".text"), rodata: size(".rodata"), symbols })
    }

    /// The symbols by which it can panic.
    fn panics(&self) -> impl Iterator<Item = &str> {
        let panics = |name: &&str| {
            let shown =
                ["panicking", "slice_index", "unwrap_failed", "expect_failed"].iter().any(|part| name.contains(part));
            shown && !RESUMED.iter().any(|known| name.contains(known))
        };
        self.symbols.iter().map(|(_, name)| name.as_str()).filter(panics)
    }

    fn total(&self) -> u64 {
        self.text + self.rodata
    }

    /// Everything that is neither `sha1_smol` nor the compiler's own. Constants mostly have no name, and the
    /// linker mixes the probe's loop with the core, so both count as ours.
    fn own(&self) -> u64 {
        self.total() - self.named(Owner::Sha1) - self.named(Owner::CompilerBuiltins)
    }

    fn named(&self, owner: Owner) -> u64 {
        let theirs = self.symbols.iter().filter(|(_, name)| Owner::of(name) == owner);
        theirs.map(|(size, _)| size).sum()
    }

    fn print(&self, what: &str, budget: u64, symbols: bool) {
        let glue = self.named(Owner::Glue);
        let row = |name: &str, size: u64| vec![name.to_owned(), size.to_string()];
        let mut rows = vec![
            row(Owner::Core.name(), self.own() - glue),
            row(Owner::Glue.name(), glue),
            row(&format!("own code (at most {budget})"), self.own()),
        ];
        for owner in [Owner::Sha1, Owner::CompilerBuiltins] {
            rows.push(row(owner.name(), self.named(owner)));
        }
        rows.push(row(".text", self.text));
        rows.push(row(".rodata", self.rodata));
        rows.push(row(".text + .rodata", self.total()));
        table::print(&[what, "bytes"], &rows);
        if self.named(Owner::Sha1) == 0 {
            println!("sha1_smol has no symbol of its own here: it was inlined and counts as own code");
        }
        if symbols {
            let rows: Vec<_> = self
                .symbols
                .iter()
                .take(40)
                .map(|(size, name)| vec![size.to_string(), Owner::of(name).name().to_owned(), name.clone()])
                .collect();
            for row in rows {
                println!("  {:>6}  {:<22} {}", row[0], row[1], row[2]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_belongs_to_its_crate() {
        let owners = [
            ("_ZN7sockeye8receiver8Receiver10next_event17h0123456789abcdefE", Owner::Core),
            ("_RNvMs_NtCs1_7sockeye8receiverNtB4_8Receiver10next_event", Owner::Core),
            ("_ZN4core3str8converts9from_utf817h0123456789abcdefE", Owner::Core),
            ("_ZN9sha1_smol9Sha1State7process17h0123456789abcdefE", Owner::Sha1),
            ("_ZN17compiler_builtins3mem6memcpy17h0123456789abcdefE", Owner::CompilerBuiltins),
            ("__aeabi_memcpy", Owner::CompilerBuiltins),
            ("memset", Owner::CompilerBuiltins),
            ("_ZN5probe9transport9Transport5write17h0123456789abcdefE", Owner::Glue),
            ("_start", Owner::Glue),
        ];
        for (symbol, owner) in owners {
            assert!(Owner::of(symbol) == owner, "{symbol}");
        }
    }
}

//! How deep a stack has been: it is painted before the image starts, and looked at while it runs.

use std::fs;
use std::ops::Range;
use std::process::Command;

use anyhow::{Context, Result};
use object::{Object, ObjectSymbol};

use crate::qmp::Monitor;

/// Nothing writes this by accident.
const PAINT: [u8; 4] = [0x5a, 0xa5, 0xc3, 0x3c];

/// No stack is painted deeper, also where there is more memory.
const DEEPEST: u32 = 256 * 1024;

/// A stack that is painted.
#[derive(Debug)]
pub(crate) struct Paint {
    stack: Range<u32>,
    /// In whose directory the paint is, and what it reads from memory.
    pub(crate) monitor: Monitor,
}

impl Paint {
    /// Has QEMU paint the image's stack when it loads it.
    pub(crate) fn of(image: &[u8], command: &mut Command) -> Result<Self> {
        let stack = stack_of(image)?;
        let monitor = Monitor::of(command)?;
        let paint = monitor.dir().join("paint");
        fs::write(&paint, PAINT.repeat(stack.len() / PAINT.len()))?;
        let addr = format!("loader,file={},addr={:#x},force-raw=on", paint.display(), stack.start);
        command.arg("-device").arg(addr);
        Ok(Self { stack, monitor })
    }

    /// The bytes from the deepest word that was written to the stack's begin.
    pub(crate) fn used(&self) -> Result<u32> {
        let file = self.monitor.dir().join("stack");
        self.monitor.save_memory(&self.stack, &file)?;
        let words = fs::read(&file)?;
        let untouched = words.chunks(PAINT.len()).take_while(|word| *word == PAINT).count() * PAINT.len();
        Ok((words.len() - untouched) as u32)
    }
}

/// Where the stack may be, from the linker's symbols: it grows down from `_stack_start`.
fn stack_of(image: &[u8]) -> Result<Range<u32>> {
    let file = object::File::parse(image)?;
    let symbol = |name: &str| {
        let symbol = file.symbol_by_name(name)?;
        u32::try_from(symbol.address()).ok()
    };
    let top = symbol("_stack_start").context("the image has no _stack_start")?;
    // cortex-m-rt's images and riscv-rt's.
    let bottom = symbol("_stack_end").or_else(|| symbol("__estack")).context("the image has no end of its stack")?;
    let bottom = bottom.max(top.saturating_sub(DEEPEST)).next_multiple_of(PAINT.len() as u32);
    Ok(bottom..top)
}

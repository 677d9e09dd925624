//! How much of a board an image takes.

use std::fmt;

use anyhow::Result;
use object::{Object, ObjectSection};
use sockeye_qemu::Board;

use crate::elf::{is_allocated, is_stored, symbol};

/// Bytes, beside those that the board has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) flash: (u64, u64),
    /// Without the stack.
    pub(crate) ram: (u64, u64),
    /// What the linker kept for the stack, or left to it.
    pub(crate) stack: Option<u64>,
}

impl Memory {
    /// That of an image, from its ELF.
    pub(crate) fn of(board: &Board, elf: &[u8]) -> Result<Self> {
        let file = object::File::parse(elf)?;
        let in_flash = |address| board.flash_at.iter().any(|(from, to)| (*from..*to).contains(&address));
        let flash = file.sections().filter(is_stored).map(|section| section.size()).sum();
        let ram = file.sections().filter(|section| is_allocated(section) && !in_flash(section.address()));
        let ram = ram.filter(|section| !section.name().is_ok_and(is_no_variable)).map(|section| section.size()).sum();
        let ends = ["_stack_start", "_stack_end"].map(|name| symbol(&file, name));
        let stack = if let [Some(start), Some(end)] = ends { start.checked_sub(end) } else { None };
        Ok(Memory { flash: (flash, board.flash), ram: (ram, board.ram), stack })
    }
}

/// The stack, and what Espressif's linker scripts have so that one memory, which has two addresses, is not given away
/// twice.
fn is_no_variable(section: &str) -> bool {
    section == ".stack" || section.contains("dummy") || section.ends_with("_gap")
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |(taken, of): (u64, u64)| taken * 100 / of.max(1);
        write!(f, "flash {} of {} bytes ({} %)", self.flash.0, self.flash.1, percent(self.flash))?;
        write!(f, ", RAM {} of {} ({} %)", self.ram.0, self.ram.1, percent(self.ram))?;
        self.stack.map_or(Ok(()), |stack| write!(f, " and {stack} for the stack"))
    }
}

//! What a linker made: what of it is stored, and where.

use anyhow::{Context, Result};
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

/// Bytes that are stored at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) address: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What is to be stored, by address; it does not overlap.
///
/// # Errors
/// It is no ELF of 32 bits.
pub(crate) fn segments(file: &[u8]) -> Result<Vec<Segment>> {
    let file = ElfFile32::<Endianness>::parse(file).context("no ELF of 32 bits")?;
    let mut segments = Vec::new();
    for header in file.elf_program_headers() {
        let bytes = header.data(file.endian(), file.data()).ok().context("a segment that lies beyond the file")?;
        if header.p_type(file.endian()) == elf::PT_LOAD && !bytes.is_empty() {
            segments.push(Segment { address: header.p_paddr(file.endian()), bytes: bytes.to_vec() });
        }
    }
    segments.sort_by_key(|segment| segment.address);
    Ok(segments)
}

/// Whether a section's content is stored.
pub(crate) fn is_stored<'d>(section: &impl ObjectSection<'d>) -> bool {
    is_allocated(section) && !matches!(section.flags(), SectionFlags::Elf { sh_type: elf::SHT_NOBITS, .. })
}

/// Whether a section is there while the program runs.
pub(crate) fn is_allocated<'d>(section: &impl ObjectSection<'d>) -> bool {
    matches!(section.flags(), SectionFlags::Elf { sh_flags, .. } if sh_flags & elf::SHF_ALLOC == elf::SHF_ALLOC)
}

/// A linker's symbol.
pub(crate) fn symbol<'d>(file: &impl Object<'d>, name: &str) -> Option<u64> {
    file.symbol_by_name(name).map(|symbol| symbol.address())
}

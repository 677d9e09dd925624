//! How big the compiler made types and tasks: an image's debug information says it of exactly what runs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, EndianSlice, LittleEndian, SectionId, Unit};
use object::{Object, ObjectSection};

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Entry<'a, 'e> = DebuggingInformationEntry<'e, 'e, Slice<'a>>;

/// Bytes by name.
#[derive(Default)]
pub(crate) struct Types {
    /// embassy's tasks: the pool of all instances of each.
    pub(crate) tasks: BTreeMap<String, u64>,
    structs: BTreeMap<String, u64>,
}

impl Types {
    pub(crate) fn of(image: &object::File<'_>) -> Result<Self> {
        let section = |id: SectionId| -> Result<_> {
            let section = image.section_by_name(id.name());
            let data = section.map(|section| section.data()).transpose()?;
            Ok(EndianSlice::new(data.unwrap_or_default(), LittleEndian))
        };
        let dwarf = Dwarf::load(section)?;
        let mut types = Self::default();
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            types.read(&dwarf, &dwarf.unit(header)?)?;
        }
        Ok(types)
    }

    /// The size of the type whose name, with its module's, begins so.
    pub(crate) fn size(&self, beginning: &str) -> Result<u64> {
        let found = self.structs.iter().find(|(name, _)| name.starts_with(beginning));
        found.map(|(_, size)| *size).with_context(|| format!("the debug information has no {beginning}"))
    }

    fn read<'a>(&mut self, dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>) -> Result<()> {
        let mut entries = unit.entries();
        // The namespaces around an entry, each with its depth.
        let mut around: Vec<(isize, String)> = Vec::new();
        let mut depth = 0;
        while let Some((deeper, entry)) = entries.next_dfs()? {
            depth += deeper;
            around.retain(|(of, _)| *of < depth);
            let Some(name) = name(dwarf, unit, entry)? else { continue };
            let module = around.last().map_or("", |(_, name)| name);
            match entry.tag() {
                gimli::DW_TAG_structure_type => {
                    if let Some(size) = size(entry)? {
                        self.structs.insert(format!("{module}::{name}"), size);
                    }
                }
                gimli::DW_TAG_variable if name == "POOL" => {
                    if let Some(size) = task(dwarf, unit, entry)? {
                        self.tasks.insert(module.to_owned(), size);
                    }
                }
                gimli::DW_TAG_namespace => around.push((depth, name)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The size of a static, if it is a task's pool and the image has it: what is not linked has no location.
fn task<'a>(dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>, entry: &Entry<'a, '_>) -> Result<Option<u64>> {
    let is_there = entry.attr_value(gimli::DW_AT_location)?.is_some();
    let Some(AttributeValue::UnitRef(of)) = entry.attr_value(gimli::DW_AT_type)? else { return Ok(None) };
    let of = unit.entry(of)?;
    let is_pool = name(dwarf, unit, &of)?.is_some_and(|name| name.starts_with("TaskPool"));
    if is_there && is_pool { size(&of) } else { Ok(None) }
}

fn name<'a>(dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>, entry: &Entry<'a, '_>) -> Result<Option<String>> {
    let Some(name) = entry.attr_value(gimli::DW_AT_name)? else { return Ok(None) };
    Ok(Some(dwarf.attr_string(unit, name)?.to_string_lossy().into_owned()))
}

fn size(entry: &Entry<'_, '_>) -> Result<Option<u64>> {
    Ok(entry.attr_value(gimli::DW_AT_byte_size)?.and_then(|size| size.udata_value()))
}

//! UF2: an image as blocks of 512 bytes, each with the address of its 256. <https://github.com/microsoft/uf2>

use crate::elf::Segment;

const PAGE: usize = 256;
const MAGIC: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;
const FAMILY_IS_THERE: u32 = 0x2000;

/// The file for a family of chips. Bytes between the segments, and what is left of the last page, are zero.
pub(crate) fn write(segments: &[Segment], family: u32) -> Vec<u8> {
    let pages = pages(segments);
    let mut file = Vec::with_capacity(pages.len() * 512);
    for (number, (address, page)) in pages.iter().enumerate() {
        let head =
            [MAGIC[0], MAGIC[1], FAMILY_IS_THERE, *address, PAGE as u32, number as u32, pages.len() as u32, family];
        file.extend(head.into_iter().flat_map(u32::to_le_bytes));
        file.extend(page);
        file.resize(file.len() + 476 - PAGE, 0);
        file.extend(MAGIC_END.to_le_bytes());
    }
    file
}

/// What is stored, by pages in the order of their addresses.
fn pages(segments: &[Segment]) -> Vec<(u32, [u8; PAGE])> {
    let mut pages = std::collections::BTreeMap::new();
    for Segment { address, bytes } in segments {
        for (address, byte) in (*address..).zip(bytes) {
            let at = address as usize % PAGE;
            pages.entry(address - at as u32).or_insert([0; PAGE])[at] = *byte;
        }
    }
    pages.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_share_a_page_and_leave_gaps() {
        let segment = |address, len: usize| Segment { address, bytes: vec![0xa5; len] };
        let file = write(&[segment(0x1000_0000, 300), segment(0x1000_0130, 4), segment(0x1000_1000, 1)], 7);
        let word = |block: usize, at: usize| {
            let start = block * 512 + at;
            u32::from_le_bytes(file[start..start + 4].try_into().expect("four bytes"))
        };
        assert_eq!(file.len(), 3 * 512);
        assert_eq!([word(0, 12), word(1, 12), word(2, 12)], [0x1000_0000, 0x1000_0100, 0x1000_1000]);
        assert_eq!([word(2, 20), word(2, 24), word(2, 28)], [2, 3, 7], "its number, how many there are, the family");
        assert_eq!(file[512 + 32 + 43..512 + 32 + 53], [0xa5, 0, 0, 0, 0, 0xa5, 0xa5, 0xa5, 0xa5, 0]);
        assert_eq!(word(2, 508), MAGIC_END);
    }
}

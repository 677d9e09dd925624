//! Intel HEX, and a plain binary, for programmers that take no ELF.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::elf::Segment;

const DATA: u8 = 0;
const END: u8 = 1;
/// The upper half of the addresses that follow.
const UPPER: u8 = 4;

/// Bytes a line.
const LINE: usize = 16;

/// More than any flash here has: an image with a segment elsewhere is no binary.
const LONGEST: usize = 16 << 20;

/// Intel HEX of 32-bit addresses.
pub(crate) fn write(segments: &[Segment]) -> String {
    let mut text = String::new();
    let mut upper = None;
    for Segment { address, bytes } in segments {
        let (mut address, mut rest) = (*address, bytes.as_slice());
        while !rest.is_empty() {
            if upper.replace(address >> 16) != Some(address >> 16) {
                record(&mut text, UPPER, 0, &((address >> 16) as u16).to_be_bytes());
            }
            // No line goes beyond its 64 KiB.
            let room = 0x1_0000 - (address as usize & 0xffff);
            let (line, after) = rest.split_at(LINE.min(rest.len()).min(room));
            record(&mut text, DATA, address as u16, line);
            (address, rest) = (address.wrapping_add(line.len() as u32), after);
        }
    }
    record(&mut text, END, 0, &[]);
    text
}

fn record(text: &mut String, kind: u8, address: u16, data: &[u8]) {
    let [high, low] = address.to_be_bytes();
    let head = [data.len() as u8, high, low, kind];
    let sum = head.iter().chain(data).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    text.push(':');
    for byte in head.iter().chain(data).chain(&[sum.wrapping_neg()]) {
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\n');
}

/// All from the first address to the last; what lies between segments is as in flash that is erased.
pub(crate) fn binary(segments: &[Segment]) -> Result<Vec<u8>> {
    let start = segments.first().context("nothing is to be stored")?.address;
    let mut binary = Vec::new();
    for Segment { address, bytes } in segments {
        let at = (address - start) as usize;
        if at + bytes.len() > LONGEST {
            bail!("from {start:#x} to {address:#x} is too far for one file");
        }
        binary.resize(binary.len().max(at + bytes.len()), 0xff);
        binary[at..at + bytes.len()].copy_from_slice(bytes);
    }
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_the_upper_half_changes() {
        let segments = [Segment { address: 0x0801_fffe, bytes: vec![1, 2, 3] }];
        assert_eq!(write(&segments), ":020000040801F1\n:02FFFE000102FE\n:020000040802F0\n:0100000003FC\n:00000001FF\n");
    }

    #[test]
    fn a_gap_is_as_erased() {
        let segment = |address, byte| Segment { address, bytes: vec![byte] };
        assert_eq!(binary(&[segment(8, 1), segment(11, 2)]).expect("a binary"), [1, 0xff, 0xff, 2]);
        assert!(binary(&[segment(0, 1), segment(0x2000_0000, 2)]).is_err());
    }
}

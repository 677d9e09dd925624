//! What happens to a frame on its way: decided by the seed and by what the frame says, not by its place among the
//! others, which depends on time.

use std::collections::HashMap;

use sha1_smol::Sha1;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};

/// Of a hundred frames so many, on average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) drop: u64,
    /// Held back behind the next one.
    pub(crate) reorder: u64,
    /// One bit is flipped, behind the header of Ethernet: what happens on a wire its checksum finds, and the card
    /// drops the frame.
    pub(crate) corrupt: u64,
    pub(crate) duplicate: u64,
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    ToDevice,
    FromDevice,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Passes,
    IsLost,
    IsHeld,
    IsDoubled,
    /// With this bit flipped.
    IsBent(usize),
}

/// Decides, and counts.
#[derive(Debug)]
pub(crate) struct Judge {
    seed: u64,
    faults: Faults,
    /// How often a frame that says the same went by.
    seen: HashMap<(Way, Vec<u8>), u64>,
    counts: HashMap<Way, Faults>,
}

impl Judge {
    pub(crate) fn new(seed: u64) -> Self {
        Judge { seed, faults: Faults::default(), seen: HashMap::new(), counts: HashMap::new() }
    }

    /// From now on so.
    pub(crate) fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// How many frames met which fault, on this way.
    pub(crate) fn count(&self, way: Way) -> Faults {
        self.counts.get(&way).copied().unwrap_or_default()
    }

    pub(crate) fn judge(&mut self, way: Way, frame: &[u8]) -> Fate {
        if self.faults == Faults::default() {
            return Fate::Passes;
        }
        let said = what_it_says(frame);
        let seen = self.seen.entry((way, said.clone())).or_default();
        *seen += 1;
        let [draw, bit] = draw(self.seed, way, &said, *seen);

        let count = self.counts.entry(way).or_default();
        let mut below = 0;
        let mut hit = |percent: u64| {
            below += percent;
            draw % 100 < below
        };
        if hit(self.faults.drop) {
            count.drop += 1;
            return Fate::IsLost;
        }
        if hit(self.faults.reorder) {
            count.reorder += 1;
            return Fate::IsHeld;
        }
        if hit(self.faults.duplicate) {
            count.duplicate += 1;
            return Fate::IsDoubled;
        }
        if hit(self.faults.corrupt)
            && let Some(bits) = checked_bits(frame)
        {
            count.corrupt += 1;
            return Fate::IsBent(bits.start + bit as usize % bits.len());
        }
        Fate::Passes
    }
}

/// Flips a bit.
pub(crate) fn bend(frame: &mut [u8], bit: usize) {
    if let Some(byte) = frame.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

/// Two numbers that follow from what a frame says, and how often it was said. A repeated frame is another draw, or
/// one that is lost once would be lost for ever.
fn draw(seed: u64, way: Way, said: &[u8], seen: u64) -> [u64; 2] {
    let mut hash = Sha1::new();
    hash.update(&seed.to_le_bytes());
    hash.update(&[way as u8]);
    hash.update(&seen.to_le_bytes());
    hash.update(said);
    let digest = hash.digest().bytes();
    let number = |at: usize| digest.iter().skip(at).take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    [number(0), number(8)]
}

/// A segment with data: whose it is, where in the stream, and the data. The acknowledgement that rides on it, the
/// window and so the checksums are a matter of time. Any other frame says what it says.
fn what_it_says(frame: &[u8]) -> Vec<u8> {
    let data = || {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 || ip.next_header() != IpProtocol::Tcp {
            return None;
        }
        let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
        let data = tcp.payload();
        let ends = [ip.src_addr().octets(), ip.dst_addr().octets()].concat();
        let ports = [tcp.src_port().to_be_bytes(), tcp.dst_port().to_be_bytes()].concat();
        (!data.is_empty()).then(|| [&ends[..], &ports, &tcp.seq_number().0.to_be_bytes(), data].concat())
    };
    data().unwrap_or_else(|| frame.to_vec())
}

/// The bits of an IPv4 packet, all of which are under a checksum.
fn checked_bits(frame: &[u8]) -> Option<std::ops::Range<usize>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let begin = EthernetFrame::<&[u8]>::header_len();
    let end = begin + usize::from(ip.total_len());
    (ethernet.ethertype() == EthernetProtocol::Ipv4).then_some(8 * begin..8 * end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_same_each_time_and_another_one_otherwise() {
        let fates = |seed: u64| {
            let mut judge = Judge::new(seed);
            judge.set(Faults { drop: 10, reorder: 10, duplicate: 10, corrupt: 0 });
            (0..1000_u32).map(|n| judge.judge(Way::ToDevice, &n.to_be_bytes())).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        let lost = fates(1).iter().filter(|fate| **fate == Fate::IsLost).count();
        assert!((50..200).contains(&lost), "{lost} of 1000");
    }

    #[test]
    fn the_order_of_frames_decides_nothing_and_a_repeated_one_is_another_draw() {
        let mut judge = Judge::new(1);
        judge.set(Faults { drop: 50, ..Faults::default() });
        let forth: Vec<_> = (0..100_u8).map(|n| judge.judge(Way::ToDevice, &[n])).collect();
        let mut judge = Judge::new(1);
        judge.set(Faults { drop: 50, ..Faults::default() });
        let mut back: Vec<_> = (0..100_u8).rev().map(|n| judge.judge(Way::ToDevice, &[n])).collect();
        back.reverse();
        assert_eq!(forth, back);
        let again: Vec<_> = (0..100_u8).map(|n| judge.judge(Way::ToDevice, &[n])).collect();
        assert_ne!(forth, again);
    }
}

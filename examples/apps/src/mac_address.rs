//! Addresses for chips that come without one.

/// An Ethernet address of those that anybody may give out (IEEE 802, locally administered), always the same for the same
/// number of a chip: FNV-1a of it.
pub fn mac_address(number: &[u8]) -> [u8; 6] {
    let hash = number
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let [a, b, c, d, e, ..] = hash.to_le_bytes();
    [0x02, a, b, c, d, e]
}

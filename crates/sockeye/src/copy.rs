//! Buffers of a fixed size that fill from the front, without an index that could panic.

/// Copies `bytes` to where `at` is in `out`, as many as there is room for, and says where they end.
///
/// Everything but data goes this way: control frames, cut headers, the handshake. One copy of it in flash is enough.
#[inline(never)]
pub(crate) fn append(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let room = out.get_mut(at..).unwrap_or_default();
    for (to, from) in room.iter_mut().zip(bytes) {
        *to = *from;
    }
    at + bytes.len().min(room.len())
}

/// The first `len` bytes, or all if there are fewer.
pub(crate) fn front(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len.min(bytes.len())).unwrap_or_default()
}

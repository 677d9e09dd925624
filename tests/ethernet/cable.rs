//! The wire to a device: frames over a Unix socket, each behind its length, as QEMU's `-netdev stream` has it.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// Ethernet has no shorter frames, its checksum not counted.
const SHORTEST: usize = 60;
/// And none much longer here.
const LONGEST: usize = 4096;

/// One end of a cable.
#[derive(Debug)]
pub(crate) struct Cable(UnixStream);

impl Cable {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Cable(stream)
    }

    /// The same end, for another thread.
    pub(crate) fn again(&self) -> Self {
        Cable(self.0.try_clone().expect("a socket"))
    }

    /// The next frame from the other end.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        assert!(len <= LONGEST, "a frame of {len} bytes");
        let mut frame = vec![0; len];
        self.0.read_exact(&mut frame)?;
        Ok(frame)
    }

    pub(crate) fn send(&mut self, mut frame: Vec<u8>) -> io::Result<()> {
        frame.resize(frame.len().max(SHORTEST), 0);
        let len = u32::try_from(frame.len()).expect("frames are short");
        self.0.write_all(&[&len.to_be_bytes()[..], &frame].concat())
    }

    /// Pulls the plug: both ends are told.
    pub(crate) fn pull(&self) {
        // The other end may have gone.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

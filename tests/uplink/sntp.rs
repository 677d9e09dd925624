//! A server of the time (RFC 5905 section 14), which need not be right.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// From 1900 to 1970, in seconds.
const NTP_EPOCH: u64 = 2_208_988_800;

/// It says nothing at first.
pub(crate) struct Sntp {
    port: u16,
    /// 0 is silence.
    time: Arc<AtomicU64>,
}

impl Sntp {
    /// On a free port of 127.0.0.1, as long as the process is there.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("a bound socket").port();
        let time = Arc::new(AtomicU64::new(0));
        let told = time.clone();
        std::thread::spawn(move || {
            let mut request = [0; 128];
            while let Ok((len, from)) = socket.recv_from(&mut request) {
                let now = told.load(Ordering::Relaxed);
                if now == 0 || len < 48 {
                    continue;
                }
                let stamp = ((now + NTP_EPOCH) << 32).to_be_bytes();
                let mut answer = [0; 48];
                // Version 4, a server, of the first stratum.
                answer[..4].copy_from_slice(&[0x24, 1, 0, 0xec]);
                answer[12..16].copy_from_slice(b"GPS\0");
                answer[16..24].copy_from_slice(&stamp);
                answer[24..32].copy_from_slice(&request[40..48]);
                answer[32..40].copy_from_slice(&stamp);
                answer[40..48].copy_from_slice(&stamp);
                // A guest that is gone asks again.
                let _ = socket.send_to(&answer, from);
            }
        });
        Sntp { port, time }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// This time from now on, in seconds since 1970.
    pub(crate) fn tell(&self, time: u64) {
        self.time.store(time, Ordering::Relaxed);
    }

    pub(crate) fn tell_the_time(&self) {
        self.tell(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs());
    }
}

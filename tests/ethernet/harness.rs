//! The network itself, with another one in the device's place.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::by_hand::ByHand;
use crate::client::{SERVER, noise};
use crate::faults::{Faults, Way};
use crate::lan::Lan;
use crate::stream::PATIENCE;
use crate::{DEVICE, dhcp};

/// Runs a test on a network whose device is a host that echoes each connection to its end.
fn beside_an_echo(seed: u64, connections: usize, test: impl FnOnce(&Lan)) {
    let (here, there) = UnixStream::pair().expect("two sockets");
    let device = Lan::new(there, !seed, dhcp::Server::default());
    let server = device.host(DEVICE);
    let echoes: Vec<JoinHandle<()>> = (0..connections)
        .map(|_| {
            // Before there is a client, or it would be refused.
            let mut stream = server.listen(SERVER.port());
            thread::spawn(move || {
                stream.wait_until_open(PATIENCE).expect("a client connects");
                let mut buffer = [0; 2048];
                while let Ok(len @ 1..) = stream.read(&mut buffer)
                    && stream.write_all(&buffer[..len]).is_ok()
                {}
            })
        })
        .collect();
    let lan = Lan::new(here, seed, dhcp::Server::default());
    test(&lan);
    for echo in echoes {
        echo.join().expect("it echoes to the end");
    }
}

fn echo(lan: &Lan, payload: &[u8]) {
    let mut stream = lan.neighbour(2).connect(SERVER).expect("it listens");
    stream.write_all(payload).expect("it takes all");
    let mut echo = vec![0; payload.len()];
    stream.read_exact(&mut echo).expect("all comes back");
    assert!(echo == payload, "it is the same");
    stream.shut();
    assert_eq!(stream.read(&mut echo).expect("it ends in order"), 0);
}

#[test]
fn without_faults_all_comes_back() {
    beside_an_echo(0, 1, |lan| {
        echo(lan, &noise(0, 128 * 1024));
        assert_eq!((lan.faults(Way::ToDevice), lan.faults(Way::FromDevice)), Default::default());
    });
}

#[test]
fn with_faults_all_comes_back_too_and_they_were_there() {
    beside_an_echo(1, 1, |lan| {
        lan.set_faults(Faults { drop: 3, reorder: 5, corrupt: 3, duplicate: 5 });
        echo(lan, &noise(1, 128 * 1024));
        for way in [Way::ToDevice, Way::FromDevice] {
            let Faults { drop, reorder, corrupt, duplicate } = lan.faults(way);
            assert!(
                [drop, reorder, corrupt, duplicate].iter().all(|count| *count > 0),
                "{way:?}: {:?}",
                lan.faults(way)
            );
        }
        lan.set_faults(Faults::default());
    });
}

#[test]
fn a_host_that_is_cut_off_hears_nothing_and_the_others_do() {
    beside_an_echo(2, 2, |lan| {
        let cut = lan.neighbour(3);
        let mut stream = cut.connect(SERVER).expect("it listens");
        cut.cut();
        stream.write_all(b"hello").expect("it is buffered");
        stream.set_limit(Duration::from_millis(200));
        let error = stream.read(&mut [0; 5]).expect_err("nothing comes back");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        echo(lan, b"hello");
        cut.mend();
        stream.set_limit(Duration::from_secs(10));
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).expect("TCP says it again");
        assert_eq!(&echo, b"hello");
    });
}

#[test]
fn segments_by_hand_are_right() {
    beside_an_echo(3, 2, |lan| {
        // Who makes its segments by hand asks nobody where the device is.
        echo(lan, b"here it is");
        let peer = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 1234);
        let mut peer = ByHand::open(lan, peer, SERVER);
        peer.send(0, b"hello");
        assert_eq!(peer.read(5), b"hello");
        peer.reset(5);
    });
}

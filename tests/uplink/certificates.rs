//! Servers that are not the right one, where there is TLS.

use data_encoding::BASE64;
use sockeye_tests::device::Firmware;
use sockeye_tests::{Authority, Relay};

use crate::hub::{Hub, pins};
use crate::sntp::Sntp;
use crate::{assert_whole, dial, is_secure};

#[test]
fn another_key_than_the_pinned_ones_is_refused() {
    if !is_secure() {
        return refuses_to_dial();
    }
    let (authority, other) = (Authority::default(), Authority::default());
    let (issued, foreign) = (authority.issue(&["localhost"]), other.issue(&["localhost"]));
    let relay = Relay::to(Hub::start(&other, &foreign, &[]).address());
    let stranger = Hub::start(&other, &foreign, &[]);
    relay.lead_to(stranger.address());
    // The next key is pinned before it is used.
    let next_authority = Authority::default();
    let next = next_authority.issue(&["localhost"]);
    let device = dial(Firmware::shipped("uplink"), relay.address(), &[pins(&[&issued, &next])]);
    device.wait_for("Untrusted(Pin)").expect("it says so");
    assert!(stranger.readings().is_empty(), "nothing was told to a stranger");
    let hub = Hub::start(&authority, &issued, &[]);
    relay.lead_to(hub.address());
    let before = assert_whole(&hub, &device, 3).len();
    // The server gets its new key.
    drop(hub);
    let hub = Hub::start(&next_authority, &next, &[]);
    relay.lead_to(hub.address());
    crate::wait_until("readings", &device, || hub.readings().last().is_some_and(|last| last.number as usize > before));
}

/// A program without TLS and a `wss://` URL.
fn refuses_to_dial() {
    let words = ["UPLINK_URL=wss://hub.example/rooms/lab".to_owned()];
    let device = Firmware::shipped("uplink").boot_with_words(&words);
    device.wait_for("UPLINK_URL: it is wss://, and this program is without TLS").expect("it names the setting");
}

#[test]
fn a_certificate_of_an_authority_is_good_for_a_time() {
    if !is_secure() {
        return;
    }
    let authority = Authority::default();
    let expired = authority.issue_within(&["localhost", "hub.example"], Some((2020, 2021)));
    let relay = Relay::to(Authority::with_tls(&expired, "127.0.0.1:9".parse().expect("an address")));
    let clock = Sntp::start();
    let words =
        [format!("UPLINK_CA={}", BASE64.encode(authority.der())), format!("UPLINK_SNTP=10.0.2.2:{}", clock.port())];
    let device = dial(Firmware::shipped("uplink"), relay.address(), &words);
    // Nobody tells the time, or one tells that of 1999.
    device.wait_for("does not tell the time").expect("it says so");
    device.wait_for("NoClock").expect("it says so");
    clock.tell(915_148_800);
    device.wait_for("a time from before this was built").expect("it says so");
    clock.tell_the_time();
    device.wait_for("Untrusted(Expired)").expect("it says so");
    let good = authority.issue(&["localhost", "hub.example"]);
    let hub = Hub::start(&authority, &good, &[]);
    relay.lead_to(hub.address());
    assert_whole(&hub, &device, 5);
}

#[test]
fn settings_that_are_wrong_are_named() {
    let url = "UPLINK_URL=ws://10.0.2.2/rooms/lab";
    let mut cases = vec![
        (vec![], "UPLINK_URL: it is not set"),
        (vec!["UPLINK_URL=http://10.0.2.2/"], "UPLINK_URL: it is no ws://"),
        (vec![url, "UPLINK_NAME=a\"b"], "UPLINK_NAME: it has 1 to 64"),
        (vec![url, "UPLINK_ADDRESS=hub.example"], "UPLINK_ADDRESS: it is no IPv4 address"),
    ];
    if is_secure() {
        let url = "UPLINK_URL=wss://10.0.2.2/rooms/lab";
        cases.extend([
            (vec![url], "UPLINK_PINS: a wss:// URL needs either this or UPLINK_CA"),
            (vec![url, "UPLINK_PINS=key:12"], "UPLINK_PINS: it is not key:HASH"),
            (vec![url, "UPLINK_CA=AAAA"], "UPLINK_CA: it vouches for a name"),
            (vec!["UPLINK_URL=wss://hub.example/", "UPLINK_CA=%"], "UPLINK_CA: it is not the base64"),
        ]);
    }
    for (words, complaint) in cases {
        let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
        let device = Firmware::shipped("uplink").boot_with_words(&words);
        device.wait_for(complaint).expect("it names the setting");
        assert_eq!(device.status().expect("it ends").code(), Some(101));
    }
}

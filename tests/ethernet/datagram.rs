//! Datagrams of UDP, to and from the gateway.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr,
    UdpPacket, UdpRepr,
};

use crate::lan::{GATEWAY, hardware};

/// What a device sent.
pub(crate) struct Datagram {
    pub(crate) hardware: EthernetAddress,
    pub(crate) from: (Ipv4Address, u16),
    pub(crate) to_port: u16,
    pub(crate) payload: Vec<u8>,
}

impl Datagram {
    /// Of a frame, if it is one and whole.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        if ip.next_header() != IpProtocol::Udp || !ip.verify_checksum() {
            return None;
        }
        let udp = UdpPacket::new_checked(ip.payload()).ok()?;
        let is_whole = udp.verify_checksum(&ip.src_addr().into(), &ip.dst_addr().into());
        is_whole.then(|| Datagram {
            hardware: ethernet.src_addr(),
            from: (ip.src_addr(), udp.src_port()),
            to_port: udp.dst_port(),
            payload: udp.payload().to_vec(),
        })
    }
}

/// A frame from this port of the gateway.
pub(crate) fn frame(from: u16, to_hardware: EthernetAddress, to: (Ipv4Address, u16), payload: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: from, dst_port: to.1 };
    let ip = Ipv4Repr {
        src_addr: GATEWAY,
        dst_addr: to.0,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + payload.len(),
        hop_limit: 64,
    };
    let ethernet =
        EthernetRepr { src_addr: hardware(GATEWAY), dst_addr: to_hardware, ethertype: EthernetProtocol::Ipv4 };
    let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + ip.payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    let write = |to: &mut [u8]| to.copy_from_slice(payload);
    udp.emit(&mut datagram, &GATEWAY.into(), &to.0.into(), payload.len(), write, &checksums);
    bytes
}

//! A DHCP server for one device (RFC 2131), which may be told to keep silent.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DHCP_SERVER_PORT, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use crate::lan::{GATEWAY, MASK};
use crate::{DEVICE, lan};

/// The server's settings, and what it heard.
#[derive(Debug)]
pub(crate) struct Server {
    /// What the device gets.
    pub(crate) address: Ipv4Address,
    /// In seconds. The device asks again after a half.
    pub(crate) lease: u32,
    /// These are not answered, each once.
    pub(crate) lost: Vec<Heard>,
    /// All that the device asked.
    pub(crate) heard: Vec<Heard>,
}

/// A message of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Discover,
    /// It wants what was offered.
    Request,
    /// It wants to keep what it has.
    Renew,
    Other,
}

impl Default for Server {
    fn default() -> Self {
        Server { address: DEVICE, lease: 3600, lost: Vec::new(), heard: Vec::new() }
    }
}

impl Server {
    /// What answers this frame, if it is for this server.
    pub(crate) fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let request = request(frame)?;
        let heard = match request.message_type {
            DhcpMessageType::Discover => Heard::Discover,
            DhcpMessageType::Request if request.client_ip.is_unspecified() => Heard::Request,
            DhcpMessageType::Request => Heard::Renew,
            _ => Heard::Other,
        };
        self.heard.push(heard);
        if let Some(at) = self.lost.iter().position(|lost| *lost == heard) {
            self.lost.swap_remove(at);
            return None;
        }
        let wanted = request.requested_ip.unwrap_or(request.client_ip);
        let kind = match heard {
            Heard::Discover => DhcpMessageType::Offer,
            Heard::Request | Heard::Renew if wanted != self.address => DhcpMessageType::Nak,
            Heard::Request | Heard::Renew => DhcpMessageType::Ack,
            Heard::Other => return None,
        };
        Some(self.reply(kind, &request))
    }

    fn reply(&self, kind: DhcpMessageType, request: &Request) -> Vec<u8> {
        let gives = kind != DhcpMessageType::Nak;
        let reply = DhcpRepr {
            message_type: kind,
            transaction_id: request.transaction_id,
            secs: 0,
            client_hardware_address: request.client,
            client_ip: Ipv4Address::UNSPECIFIED,
            your_ip: if gives { self.address } else { Ipv4Address::UNSPECIFIED },
            server_ip: GATEWAY,
            router: gives.then_some(GATEWAY),
            subnet_mask: gives.then_some(MASK),
            relay_agent_ip: Ipv4Address::UNSPECIFIED,
            broadcast: false,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(GATEWAY),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: gives.then_some(self.lease),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        // A device that renews has its address still, one that does not may not hear what is sent to it by IP.
        let to = if request.client_ip.is_unspecified() || !gives { Ipv4Address::BROADCAST } else { request.client_ip };
        frame(&reply, request.client, to)
    }
}

/// What is needed of a device's message.
struct Request {
    message_type: DhcpMessageType,
    transaction_id: u32,
    client: EthernetAddress,
    client_ip: Ipv4Address,
    requested_ip: Option<Ipv4Address>,
}

fn request(frame: &[u8]) -> Option<Request> {
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
    if udp.dst_port() != DHCP_SERVER_PORT || !is_whole {
        return None;
    }
    let dhcp = DhcpPacket::new_checked(udp.payload()).ok()?;
    let dhcp = DhcpRepr::parse(&dhcp).ok()?;
    Some(Request {
        message_type: dhcp.message_type,
        transaction_id: dhcp.transaction_id,
        client: dhcp.client_hardware_address,
        client_ip: dhcp.client_ip,
        requested_ip: dhcp.requested_ip,
    })
}

fn frame(dhcp: &DhcpRepr<'_>, client: EthernetAddress, to: Ipv4Address) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: DHCP_SERVER_PORT, dst_port: smoltcp::wire::DHCP_CLIENT_PORT };
    let ip = Ipv4Repr {
        src_addr: GATEWAY,
        dst_addr: to,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + dhcp.buffer_len(),
        hop_limit: 64,
    };
    let hardware = if to == Ipv4Address::BROADCAST { EthernetAddress::BROADCAST } else { client };
    let ethernet =
        EthernetRepr { src_addr: lan::hardware(GATEWAY), dst_addr: hardware, ethertype: EthernetProtocol::Ipv4 };

    let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + ip.payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    let write = |payload: &mut [u8]| dhcp.emit(&mut DhcpPacket::new_unchecked(payload)).expect("it fits");
    udp.emit(&mut datagram, &GATEWAY.into(), &to.into(), dhcp.buffer_len(), write, &checksums);
    bytes
}

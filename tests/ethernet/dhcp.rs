//! A DHCP server for one device (RFC 2131), which may be told to keep silent.

use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Address,
};

use crate::DEVICE;
use crate::datagram::{self, Datagram};
use crate::lan::{GATEWAY, MASK};

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
            dns_servers: gives.then(|| [GATEWAY].into_iter().collect()),
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
    let datagram = Datagram::of(frame).filter(|datagram| datagram.to_port == DHCP_SERVER_PORT)?;
    let dhcp = DhcpPacket::new_checked(datagram.payload.as_slice()).ok()?;
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
    let mut payload = vec![0; dhcp.buffer_len()];
    dhcp.emit(&mut DhcpPacket::new_unchecked(&mut payload)).expect("it fits");
    let hardware = if to == Ipv4Address::BROADCAST { EthernetAddress::BROADCAST } else { client };
    datagram::frame(DHCP_SERVER_PORT, hardware, (to, DHCP_CLIENT_PORT), &payload)
}

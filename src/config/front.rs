//! How the service stands to the network: TLS of its own, or proxies in front of it that are believed.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// What stands between members and the service.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// The service speaks TLS itself.
    pub tls: Option<TlsFiles>,
    /// A second, plain listener that leads everybody to the public address. Only with an `https` address.
    pub redirect: Option<SocketAddr>,
    /// Proxies whose word on the asker's address and protocol is taken. Empty: those on this machine.
    pub trusted_proxies: Vec<Network>,
}

/// Certificate chain and private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Front {
    /// Whether this peer is a proxy of ours.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.trusted_proxies.is_empty() {
            return peer.is_loopback();
        }
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

/// A network of addresses, or one address: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Leading bits that count.
    bits: u32,
}

impl Network {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differ = u32::from(ours) ^ u32::from(theirs);
                differ.leading_zeros() >= self.bits
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differ = u128::from(ours) ^ u128::from(theirs);
                differ.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("“{text}”不是网络地址；写法如 10.0.0.5 或 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > most { Err(wrong()) } else { Ok(Network { address, bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let network = |text: &str| text.parse::<Network>();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(network("10.0.0.0/8").unwrap().contains(address("10.200.3.4")));
        assert!(network("10.0.0.0/8").unwrap().contains(address("::ffff:10.1.1.1")), "v4 in v6 clothes");
        assert!(!network("10.0.0.0/8").unwrap().contains(address("11.0.0.1")));
        assert!(network("192.0.2.7").unwrap().contains(address("192.0.2.7")));
        assert!(!network("192.0.2.7").unwrap().contains(address("192.0.2.6")));
        assert!(network("0.0.0.0/0").unwrap().contains(address("203.0.113.9")));
        assert!(network("fd00::/8").unwrap().contains(address("fdab::1")));
        assert!(!network("fd00::/8").unwrap().contains(address("fe80::1")));
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "proxy.example", "10.0.0.0/-1", "10.0.0.0/x"] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_word_on_proxies_only_this_machine_is_believed() {
        let front = Front::default();
        assert!(front.trusts("127.0.0.1".parse().unwrap()) && front.trusts("::1".parse().unwrap()));
        assert!(!front.trusts("10.0.0.1".parse().unwrap()));
        let front = Front { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..front };
        assert!(front.trusts("10.0.0.1".parse().unwrap()) && !front.trusts("127.0.0.1".parse().unwrap()));
    }
}

//! Free ports of the loopback. They are taken from below the range that the system gives to outgoing
//! connections, so that a server which is down for a moment finds its port again.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

const LOWEST: u16 = 20_000;
/// The first port of outgoing connections where the system does not say.
const OUTGOING: u16 = 32_768;
/// Processes that start at the same moment begin their search this far apart.
const STRIDE: u32 = 97;

static SEARCHES: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on at this moment; another may take it before the server does.
pub(crate) fn free() -> Result<u16, Error> {
    let highest = outgoing().max(LOWEST + 1_000) - 1;
    let count = u32::from(highest - LOWEST) + 1;
    let begin = std::process::id()
        .wrapping_mul(STRIDE)
        .wrapping_add(SEARCHES.fetch_add(1, Ordering::Relaxed));
    (0..count)
        .filter_map(|n| u16::try_from(begin.wrapping_add(n) % count).ok())
        .map(|offset| LOWEST + offset)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or(Error::NoPort(LOWEST, highest))
}

fn outgoing() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(OUTGOING)
}

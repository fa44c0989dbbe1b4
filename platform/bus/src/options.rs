//! Limits and times of the bus, with units.

use std::time::Duration;

/// The oldest that a cached session or host may be, whatever the options say.
pub const CACHE_AGE_MAX: Duration = Duration::from_secs(10);

/// How requests are treated.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a request may take. A client may ask for less.
    pub deadline: Duration,
    /// How long a form with files may take that is sent to a page: it comes over the visitor's line. A
    /// page that takes no files refuses one before it reads it.
    pub upload_deadline: Duration,
    /// How long a session is believed without asking again; at most [`CACHE_AGE_MAX`]. A session that was
    /// ended elsewhere may live on for this long.
    pub session_cache_age: Duration,
    /// How many sessions are kept.
    pub session_cache_max: u64,
    /// How long a host's tenant is believed without asking again; at most [`CACHE_AGE_MAX`].
    pub host_cache_age: Duration,
    /// How many hosts are kept, known and unknown ones.
    pub host_cache_max: u64,
    /// Hosts that belong to no tenant, such as `localhost`: they show the bare pages, and their API
    /// needs a credential and names its tenant by header.
    pub bare_hosts: Vec<String>,
    /// The largest body of a page's form, in bytes. API routes have their own limits.
    pub page_body_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            upload_deadline: Duration::from_secs(600),
            session_cache_age: CACHE_AGE_MAX,
            session_cache_max: 100_000,
            host_cache_age: CACHE_AGE_MAX,
            host_cache_max: 10_000,
            bare_hosts: Vec::new(),
            page_body_max: http_kit::BODY_BYTES_MAX,
        }
    }
}

/// How connections are treated.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How many connections are open at once; more wait unaccepted.
    pub connections_max: usize,
    /// How long a client may take to send a request's head, and a kept-alive connection may be idle.
    pub head_timeout: Duration,
    /// The most bytes of a request's head.
    pub head_bytes_max: usize,
    /// How long open requests may go on once the server stops.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            head_timeout: Duration::from_secs(30),
            head_bytes_max: 64 << 10,
            drain: Duration::from_secs(10),
        }
    }
}

//! One HTTP/1.1 connection that is kept alive, without Nagle's delay. It must not know what is asked.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request that takes longer has failed.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The longest body that is kept.
const BODY_BYTES_MAX: usize = 8 << 20;

/// A request, ready to send.
pub type Outgoing = Request<Full<Bytes>>;

/// What works on a connection's bytes; it must be polled while requests are under way.
pub type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty when it was not to be kept.
    pub body: Bytes,
    /// The body's length, kept or not.
    pub length: u64,
}

/// Connects.
///
/// # Errors
/// When nobody listens there.
pub async fn connect(address: SocketAddr) -> Result<(SendRequest<Full<Bytes>>, Driver)> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nobody answers at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Ok((sender, Box::pin(connection)))
}

/// Sends and reads the whole answer. Its body is kept if `keep` says so, or if the status is an error.
///
/// # Errors
/// When the connection ends or the answer takes too long.
pub async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Outgoing,
    keep: bool,
) -> Result<Answer> {
    let asked = async {
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let (head, mut body) = answer.into_parts();
        let keep = keep || !head.status.is_success();
        let (mut kept, mut length) = (Vec::new(), 0_u64);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length += data.len() as u64;
            if keep {
                if kept.len() + data.len() > BODY_BYTES_MAX {
                    bail!("the answer is longer than {BODY_BYTES_MAX} bytes");
                }
                kept.extend_from_slice(&data);
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body: kept.into(), length })
    };
    tokio::time::timeout(ANSWER_WITHIN, asked)
        .await
        .with_context(|| format!("no answer within {} s", ANSWER_WITHIN.as_secs()))?
}

/// Sends one request on a connection of its own and waits for its answer. Not for use inside a runtime.
///
/// # Errors
/// When no answer comes.
pub fn call(address: SocketAddr, request: Outgoing) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut sender, mut driver) = connect(address).await?;
        tokio::select! {
            biased;
            answer = send(&mut sender, request, true) => answer,
            ended = &mut driver => bail!("the connection ended before the answer: {ended:?}"),
        }
    })
}

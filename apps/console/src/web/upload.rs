//! Forms with files. The token comes first in every form of ours, so that nothing of a forged one is read.
//! How much may be sent is said beside the route; this bounds the number of fields and of files.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use kit::ErrorCode;
use rpc::Fault;
use ui::layout::CSRF_FIELD;

use super::{Failure, Fields, Form, FormToken};

/// The most fields of one form: a product with 200 variants has about 2,000.
const FIELDS_MAX: usize = 4_000;
/// The most files of one form.
const FILES_MAX: usize = 10;
/// Bytes of one file: what the catalogue keeps of a picture.
const FILE_BYTES_MAX: usize = product_api::rules::IMAGE_BYTES_MAX;
/// Bytes of a token, and more.
const TOKEN_BYTES_MAX: usize = 64;

/// A file that was sent with a form.
#[derive(Debug, Clone)]
pub(crate) struct SentFile {
    /// How it is called where it came from.
    pub(crate) name: String,
    /// What its sender says that it is.
    pub(crate) content_type: String,
    /// What is in it; `None` when that is more than is taken.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A form with small files, read whole. A form without files is one, too.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The fields.
    pub(crate) fields: Fields,
    /// The files, in their sequence.
    pub(crate) files: Vec<SentFile>,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !brings_files(request.headers()) {
            let Form(fields) = Form::from_request(request, state).await?;
            return Ok(Self { fields, files: Vec::new() });
        }
        let mut parts = open(request).await?;
        let (mut pairs, mut files) = (Vec::new(), Vec::new());
        while let Some(field) = parts.next_field().await.map_err(broken)? {
            if field.file_name().is_some() {
                let file = read(field).await?;
                // a field for files that nothing was chosen for comes as a nameless one
                if !file.name.is_empty() {
                    files.push(file);
                }
            } else {
                let name = field.name().unwrap_or_default().to_owned();
                pairs.push((name, field.text().await.map_err(broken)?));
            }
            if pairs.len() > FIELDS_MAX || files.len() > FILES_MAX {
                return Err(Fault::new(ErrorCode::TooLarge, "this form is too large").into());
            }
        }
        Ok(Self { fields: Fields::of(pairs), files })
    }
}

/// Whether a request brings a form with files.
pub(crate) fn brings_files(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("multipart/form-data")
}

/// The parts of a form with files after its token, which was the visitor's.
pub(crate) async fn open(request: Request) -> Result<Multipart, Failure> {
    let token = request.extensions().get::<FormToken>().cloned();
    let token = token.ok_or_else(|| Fault::bug("a form is read outside the frame"))?;
    let parts = Multipart::from_request(request, &()).await;
    let mut parts = parts.map_err(|_| Failure::bad_request("this is not a form with files"))?;
    let first = parts.next_field().await.map_err(broken)?.ok_or(Failure::Csrf)?;
    if first.name() != Some(CSRF_FIELD) {
        return Err(Failure::Csrf);
    }
    let sent = sent_token(first).await?;
    if token.is_sent_by(&sent) { Ok(parts) } else { Err(Failure::Csrf) }
}

/// What stands where the token should be. No more of it is read than a token has.
async fn sent_token(mut field: Field<'_>) -> Result<String, Failure> {
    let mut sent = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if sent.len() + chunk.len() > TOKEN_BYTES_MAX {
            return Err(Failure::Csrf);
        }
        sent.extend_from_slice(&chunk);
    }
    String::from_utf8(sent).map_err(|_| Failure::Csrf)
}

/// Why a form did not arrive.
pub(crate) fn broken(e: MultipartError) -> Failure {
    if e.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Fault::new(ErrorCode::TooLarge, "what was sent is too large").into();
    }
    Failure::bad_request("the form did not arrive whole")
}

/// What is over the limit is read and let go, so that the rest of the form can be shown again.
async fn read(mut field: Field<'_>) -> Result<SentFile, Failure> {
    let name = field.file_name().unwrap_or_default().chars().take(100).collect();
    let content_type = field.content_type().unwrap_or_default().to_owned();
    let mut bytes = Some(Vec::new());
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes = bytes.filter(|b| b.len() + chunk.len() <= FILE_BYTES_MAX);
        if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(SentFile { name, content_type, bytes })
}

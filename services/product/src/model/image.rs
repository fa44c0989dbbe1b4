//! Which bytes are a picture that the platform keeps: PNG, JPEG, WebP and SVG, told by their first bytes
//! and never by what the sender claims alone. Pure.

use super::IMAGE_BYTES_MAX;
use super::svg;

/// A kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// SVG without anything that runs or loads.
    Svg,
}

impl ImageKind {
    /// The media type it is served with.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    fn of_media_type(name: &str) -> Option<Self> {
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        [Self::Png, Self::Jpeg, Self::Webp, Self::Svg]
            .into_iter()
            .find(|kind| kind.media_type() == essence)
    }
}

/// Why a picture is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// More bytes than the limit.
    #[error("a picture has at most 512 KiB")]
    TooLarge,
    /// The media type is none of the four.
    #[error("a picture is image/png, image/jpeg, image/webp or image/svg+xml")]
    UnknownType,
    /// The bytes are something else.
    #[error("these bytes are not {0}")]
    OtherContent(&'static str),
    /// The SVG holds what a browser would run or load.
    #[error("line {line}: {what}")]
    Unsafe {
        /// Where.
        line: usize,
        /// What.
        what: String,
    },
}

/// Checks that the bytes are a picture of the claimed media type.
///
/// # Errors
/// See [`NotKept`].
pub fn inspect(media_type: &str, bytes: &[u8]) -> Result<ImageKind, NotKept> {
    if bytes.len() > IMAGE_BYTES_MAX {
        return Err(NotKept::TooLarge);
    }
    let kind = ImageKind::of_media_type(media_type).ok_or(NotKept::UnknownType)?;
    let other = || NotKept::OtherContent(kind.media_type());
    let fits = match kind {
        ImageKind::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        ImageKind::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
        ImageKind::Webp => {
            bytes.starts_with(b"RIFF") && bytes.get(8..12).is_some_and(|b| b == b"WEBP")
        }
        ImageKind::Svg => {
            let text = std::str::from_utf8(bytes).map_err(|_| other())?;
            let checked = svg::check(text.strip_prefix('\u{feff}').unwrap_or(text));
            checked.map_err(|e| NotKept::Unsafe { line: e.line, what: e.what })?;
            true
        }
    };
    if fits { Ok(kind) } else { Err(other()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_told_by_its_first_bytes() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        assert_eq!(inspect("image/png", png), Ok(ImageKind::Png));
        assert_eq!(inspect("IMAGE/PNG; q=1", png), Ok(ImageKind::Png));
        assert_eq!(inspect("image/jpeg", png), Err(NotKept::OtherContent("image/jpeg")));
        assert_eq!(inspect("image/jpeg", b"\xff\xd8\xff\xe0"), Ok(ImageKind::Jpeg));
        assert_eq!(inspect("image/webp", b"RIFF\0\0\0\0WEBPVP8 "), Ok(ImageKind::Webp));
        assert_eq!(inspect("image/webp", b"RIFF"), Err(NotKept::OtherContent("image/webp")));
        assert_eq!(inspect("text/html", b"<p>"), Err(NotKept::UnknownType));
        assert_eq!(inspect("image/png", b""), Err(NotKept::OtherContent("image/png")));
        assert_eq!(inspect("image/png", &vec![0; IMAGE_BYTES_MAX + 1]), Err(NotKept::TooLarge));
    }

    #[test]
    fn an_svg_that_runs_or_loads_is_not_kept() {
        assert_eq!(
            inspect("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            Ok(ImageKind::Svg)
        );
        let bad = b"<svg xmlns='http://www.w3.org/2000/svg'>\n<script/></svg>";
        assert!(matches!(inspect("image/svg+xml", bad), Err(NotKept::Unsafe { line: 2, .. })));
        assert!(matches!(inspect("image/svg+xml", b"\xff\xfe"), Err(NotKept::OtherContent(_))));
    }
}

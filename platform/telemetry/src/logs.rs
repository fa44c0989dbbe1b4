//! Log output: lines for people, or JSON for machines. It must not decide what is logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How log events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line for a person; in colour when the output is a terminal.
    #[default]
    Text,
    /// One JSON object a line, the event's fields at its top level.
    Json,
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        match s {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Error::Format(s.to_owned())),
        }
    }
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not understood.
    #[error(
        "the log filter {filter:?} is not understood; write it like `info` or `info,shard=debug`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// Why it is not a filter.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The format has another name.
    #[error("the log format {0:?} is unknown; it is `text` or `json`")]
    Format(String),
    /// A subscriber is already there.
    #[error("logging is already set up in this process")]
    AlreadySet,
}

/// Sends logs to standard error, for the whole process. `filter` is like `info` or `info,shard=debug`.
///
/// # Errors
/// When the filter is not understood, or logging is already set up.
pub fn init(format: Format, filter: &str) -> Result<(), Error> {
    let colours = std::io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(format, filter, colours, std::io::stderr)?)
        .map_err(|_| Error::AlreadySet)
}

/// The subscriber that [`init`] sets, for a test that wants to see what is logged.
///
/// # Errors
/// When the filter is not understood.
pub fn subscriber<W>(
    format: Format,
    filter: &str,
    colours: bool,
    out: W,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| Error::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(out);
    Ok(match format {
        Format::Text => Box::new(builder.with_ansi(colours).finish()),
        Format::Json => Box::new(builder.with_ansi(false).json().flatten_event(true).finish()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(buf);
            Ok(buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format) -> String {
        let sink = Sink::default();
        let out = sink.clone();
        let s = subscriber(format, "info,noisy=off", false, move || out.clone()).unwrap();
        tracing::subscriber::with_default(s, || {
            tracing::info!(rows = 3, secret = ?kit::Secret::new("hunter2"), "the import is done");
            tracing::debug!("not this");
            tracing::error!(target: "noisy", "nor this");
        });
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_is_one_plain_line_and_hides_secrets() {
        let text = logged(Format::Text);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("the import is done rows=3") && !text.contains("hunter2"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_on_top() {
        let line = logged(Format::Json);
        let v: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
        assert_eq!(v["rows"], 3);
        assert_eq!(v["message"], "the import is done");
        assert_eq!(v["level"], "INFO");
    }

    #[test]
    fn a_bad_filter_or_format_is_refused_with_an_example() {
        let e = subscriber(Format::Text, "info,=", false, std::io::sink).err().unwrap();
        assert!(e.to_string().contains("shard=debug"), "{e}");
        assert!("xml".parse::<Format>().unwrap_err().to_string().contains("`json`"));
    }

    #[test]
    fn setting_up_twice_is_an_error_and_not_a_panic() {
        init(Format::Text, "error").unwrap();
        assert!(matches!(init(Format::Json, "error"), Err(Error::AlreadySet)));
    }
}

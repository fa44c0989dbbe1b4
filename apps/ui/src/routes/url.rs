//! Writes addresses for the `Display` of typed routes. It must not know any of them.

use std::fmt;

/// Writes an address, encoding what is filled in. For the `Display` of an application's own routes.
pub struct Url<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    has_query: bool,
}

impl<'a, 'b> Url<'a, 'b> {
    /// Writes into a formatter.
    pub const fn new(f: &'a mut fmt::Formatter<'b>) -> Self {
        Self { f, has_query: false }
    }

    /// A pattern without anything to fill in.
    ///
    /// # Errors
    /// As the formatter.
    pub fn path(&mut self, pattern: &str) -> fmt::Result {
        self.f.write_str(pattern)
    }

    /// Fills the `{…}` of a pattern, one after the other.
    ///
    /// # Errors
    /// As the formatter.
    pub fn filled(&mut self, pattern: &str, values: &[&str]) -> fmt::Result {
        let mut values = values.iter();
        for segment in pattern.split('/').skip(1) {
            self.f.write_str("/")?;
            match segment.strip_prefix('{').and_then(|_| values.next()) {
                Some(value) => self.encoded(value)?,
                None => self.f.write_str(segment)?,
            }
        }
        Ok(())
    }

    /// A parameter of the query; nothing when it has no value.
    ///
    /// # Errors
    /// As the formatter.
    pub fn query(&mut self, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let mark = if self.has_query { '&' } else { '?' };
        self.has_query = true;
        write!(self.f, "{mark}{name}=")?;
        self.encoded(&value.to_string())
    }

    /// A pattern with one parameter.
    ///
    /// # Errors
    /// As the formatter.
    pub fn with(
        &mut self,
        pattern: &str,
        name: &str,
        value: Option<impl fmt::Display>,
    ) -> fmt::Result {
        self.path(pattern)?;
        self.query(name, value)
    }

    /// Parameters of the query whose names come from data.
    ///
    /// # Errors
    /// As the formatter.
    pub fn queries(&mut self, pairs: &[(String, String)]) -> fmt::Result {
        for (name, value) in pairs {
            self.f.write_str(if self.has_query { "&" } else { "?" })?;
            self.has_query = true;
            self.encoded(name)?;
            self.f.write_str("=")?;
            self.encoded(value)?;
        }
        Ok(())
    }

    /// Everything but RFC 3986's unreserved characters is percent-encoded.
    fn encoded(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(self.f, "{}", char::from(byte))?;
            } else {
                write!(self.f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

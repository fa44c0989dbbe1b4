//! Randomness as a value that is handed in, so that tests can seed it.
//! Tokens need the system's source; the seeded one is for tests and generated demo data only.

use std::sync::{Arc, Mutex, PoisonError};

/// Where random bytes come from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system's source cannot be read.
    fn fill(&self, buf: &mut [u8]) -> Result<(), EntropyError>;

    /// A random number.
    ///
    /// # Errors
    /// As [`Entropy::fill`].
    fn next_u64(&self) -> Result<u64, EntropyError> {
        let mut b = [0; 8];
        self.fill(&mut b)?;
        Ok(u64::from_le_bytes(b))
    }
}

/// The system's source of randomness could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source failed: {0}")]
pub struct EntropyError(String);

/// A source that is handed around.
pub type SharedEntropy = Arc<dyn Entropy>;

/// The operating system's cryptographic source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's source")]
    fn fill(&self, buf: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buf).map_err(|e| EntropyError(e.to_string()))
    }
}

/// Splitmix64 from a seed: repeatable, not secret.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// A source that always yields the same sequence for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buf: &mut [u8]) -> Result<(), EntropyError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buf.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let word = crate::id::mix64(*state).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_yields_the_same_bytes() {
        let (mut a, mut b) = ([0; 13], [0; 13]);
        SeededEntropy::new(7).fill(&mut a).unwrap();
        SeededEntropy::new(7).fill(&mut b).unwrap();
        assert_eq!(a, b);
    }
}

//! The promises of distributed transactions, on real databases. Numbers are those of the platform's acceptance list.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod cells;
#[cfg(test)]
mod commit;
#[cfg(test)]
mod common;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod hung;
#[cfg(test)]
mod line;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod reap;
#[cfg(test)]
mod stuck;
#[cfg(test)]
mod tcc;
#[cfg(test)]
mod timer;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod wire;

//! The data layer's promises, through its public face. Tests whose names begin with a number keep the
//! promise of that number in the checklist of sharding.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod group;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod placement;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod sh_08;
#[cfg(test)]
mod sh_09;
#[cfg(test)]
mod support;
#[cfg(test)]
mod takeover;
#[cfg(test)]
mod values;

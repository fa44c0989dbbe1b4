//! Tests of the console against mocks of the services: what is asked of whom, which page answers.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod account;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod data;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod goods;
#[cfg(test)]
mod home;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod members;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod orders_data;
#[cfg(test)]
mod placements;
#[cfg(test)]
mod products;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod session;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod staff;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod upload;
#[cfg(test)]
mod world;

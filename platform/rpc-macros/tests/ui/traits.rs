//! The attribute and the trait itself.

#[rpc_macros::service]
pub trait NoName: Send + Sync + 'static {}

#[rpc_macros::service("greeter")]
pub trait NoKey: Send + Sync + 'static {}

#[rpc_macros::service(name = "greeter", version = 2)]
pub trait OtherKey: Send + Sync + 'static {}

#[rpc_macros::service(name = "Greeter/2")]
pub trait BadName: Send + Sync + 'static {}

#[rpc_macros::service(name = "greeter")]
pub trait Empty: Send + Sync + 'static {}

#[rpc_macros::service(name = "greeter")]
pub trait NotShared: Send {}

#[rpc_macros::service(name = "greeter")]
pub trait Generic<T>: Send + Sync + 'static {}

#[rpc_macros::service(name = "greeter")]
pub struct NotATrait;

fn main() {}

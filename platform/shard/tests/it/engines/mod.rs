//! The same promises on database servers: each of these runs on PostgreSQL and on MySQL (MariaDB).

mod cells;
mod ground;
mod locks;
mod schemas;
mod turns;
mod workers;

/// A test of each engine for each promise.
macro_rules! on_servers {
    ($($(#[$attribute:meta])* $promise:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(ground) = super::super::ground::ground(shard::Engine::Postgres).await {
                    super::$promise(ground).await;
                }
            })+
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(ground) = super::super::ground::ground(shard::Engine::Mysql).await {
                    super::$promise(ground).await;
                }
            })+
        }
    };
}
use on_servers;

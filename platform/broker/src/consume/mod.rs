//! The consumers' side: one task for each queue. The broker gives a queue to one of them at a time, in
//! whatever process; each begins anew when its connection does.

mod lanes;
mod session;

use std::sync::Arc;

use tasks::{TaskKind, Tasks};

use crate::dead::DeadLetters;
use crate::error::Error;
use crate::topology::Subscriber;

const QUEUE: TaskKind = TaskKind::new("broker.queue").finishing().restarting();

/// What the tasks of one queue share.
pub(crate) struct Post {
    tasks: Tasks,
    subscriber: Arc<Subscriber>,
    partition: u16,
    dead: DeadLetters,
}

/// Works on every queue of every consumer of this process, until the tasks stop.
pub(crate) fn start(tasks: &Tasks, dead: &DeadLetters) {
    for subscriber in &dead.topology.subscribers {
        for partition in 0..dead.topology.names.partitions {
            let (tasks, subscriber) = (tasks.clone(), Arc::clone(subscriber));
            let post = Arc::new(Post { tasks, subscriber, partition, dead: dead.clone() });
            let owner = post.tasks.clone();
            owner.spawn_restarting(QUEUE, move || work(Arc::clone(&post)));
        }
    }
}

/// One session after another, until the tasks stop.
async fn work(post: Arc<Post>) -> Result<(), Error> {
    loop {
        let opened = tokio::select! {
            opened = session::Session::open(&post) => opened,
            () = post.tasks.cancelled() => return Ok(()),
        };
        match opened {
            Ok(session) => return session.run().await,
            // it says so itself, and goes on trying
            Err(Error::Disconnected) => {}
            Err(e) => return Err(e),
        }
    }
}

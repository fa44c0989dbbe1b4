//! The readers: a few threads that serve all files, each with its own connection per file. A read runs
//! on one snapshot and never waits for a writer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::DbError;
use crate::sqlite::open_reader;
use crate::sqlite::writer::Guarded;

type Read = Box<dyn FnOnce(Result<&Guarded, DbError>) + Send>;

/// The reader threads and their queue.
pub(crate) struct ReadPool {
    reads: flume::Sender<(Arc<Path>, Read)>,
}

impl ReadPool {
    pub(crate) fn start(threads: usize, queue_max: usize) -> Result<Self, DbError> {
        let (reads, queue) = flume::bounded::<(Arc<Path>, Read)>(queue_max);
        for n in 0..threads.max(1) {
            let queue = queue.clone();
            std::thread::Builder::new()
                .name(format!("r-{n}"))
                .spawn(move || serve(&queue))
                .map_err(|e| DbError::Open(format!("no thread for a reader: {e}")))?;
        }
        Ok(Self { reads })
    }

    /// Queues a read. Never waits: a full queue is an answer.
    pub(crate) fn submit(&self, file: Arc<Path>, read: Read) -> Result<(), DbError> {
        self.reads.try_send((file, read)).map_err(|e| match e {
            flume::TrySendError::Full(_) => DbError::Overloaded("the readers".to_owned()),
            flume::TrySendError::Disconnected(_) => DbError::Closed,
        })
    }
}

fn serve(queue: &flume::Receiver<(Arc<Path>, Read)>) {
    let mut connections: HashMap<Arc<Path>, Guarded> = HashMap::new();
    while let Ok((path, read)) = queue.recv() {
        if !connections.contains_key(&path) {
            match open_reader(&path).and_then(Guarded::new) {
                Ok(conn) => {
                    connections.insert(Arc::clone(&path), conn);
                }
                Err(e) => {
                    read(Err(e));
                    continue;
                }
            }
        }
        if let Some(conn) = connections.get(&path) {
            read(Ok(conn));
        }
    }
}

//! A line to a participant that a test handles: it lets calls through, is cut, loses answers, or hangs as a process
//! does that takes connections and says nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kit::ErrorCode;
use rpc::{Ctx, Fault};
use tokio::sync::watch;
use txn::api::{Finish, Outcome, Participant, ParticipantClient};
use txn::{Resource, Tc};

/// What happens to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Through,
    Cut,
    LosesAnswers,
    Hangs,
    /// Hangs for the branches in one logical database.
    HangsIn(u8),
}

#[derive(Clone)]
pub struct Line {
    to: ParticipantClient,
    mood: Arc<watch::Sender<Mood>>,
    asked: Arc<AtomicUsize>,
}

impl Line {
    /// Puts a line between a coordinator and a resource.
    pub fn between(tc: &Tc, resource: &Resource, mood: Mood) -> Self {
        let line = Self {
            to: resource.client(),
            mood: Arc::new(watch::Sender::new(mood)),
            asked: Arc::default(),
        };
        tc.join(resource.name(), ParticipantClient::local(line.clone()));
        line
    }

    pub fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// How often somebody has called.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn away() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the line is cut")
}

#[rpc::async_trait]
impl Participant for Line {
    async fn finish(&self, ctx: &Ctx, req: Finish) -> Result<Vec<Outcome>, Fault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let hangs = |mood: &Mood| match mood {
            Mood::Hangs => true,
            Mood::HangsIn(db) => req.branches.iter().any(|b| b.cell.db == *db),
            _ => false,
        };
        let mut mood = self.mood.subscribe();
        let passed = tokio::time::timeout_at(ctx.deadline, mood.wait_for(|m| !hangs(m))).await;
        let mood = *passed.map_err(|_| away())?.unwrap();
        if mood == Mood::Cut {
            return Err(away());
        }
        let outcomes = self.to.finish(ctx, req).await;
        if mood == Mood::LosesAnswers { Err(away()) } else { outcomes }
    }
}

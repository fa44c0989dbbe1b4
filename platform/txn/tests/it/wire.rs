//! Coordinator and participants in different processes, and lines between them that are cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kit::{ErrorCode, Secret};
use rpc::{Ctx, Endpoint, Fault};
use tasks::{TaskKind, Tasks};
use testkit::{PATIENCE, eventually, free_listener};
use txn::api::{
    CoordinatorClient, Finish, Outcome, Participant, ParticipantClient, coordinator_router,
    participant_router,
};
use txn::{LOCK_WAIT_TIMEOUT, Resource, Resources};

use crate::common::{Setup, World, add, at, ctx, n, refused, reserve, stock, stock_of, undo_rows};

const SERVER: TaskKind = TaskKind::new("test.server");

fn secret() -> Secret<String> {
    Secret::new("a-secret-for-tests-only".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_and_participants_in_other_processes_do_the_same() {
    let world = &World::new().await;
    world.put(&world.alpha, 1, 0).await;
    stock(&world.gamma, 1, 5).await;
    let tasks = Tasks::new();
    let coordinating = &world.node().await;
    let (listener, coordinator_at) = free_listener().await;
    let routes = coordinator_router(coordinating.tc.client());
    let token = tasks.token();
    tasks.spawn(SERVER, async move {
        rpc::serve(listener, [routes], &secret(), async move { token.cancelled().await }).await
    });
    let endpoint = |at| Endpoint::new(&format!("http://{at}"), &secret()).unwrap();
    let remote = CoordinatorClient::remote(endpoint(coordinator_at));
    let setup = Setup { options: crate::common::quick(), ..Setup::default() };
    let taking_part = &world.node_over(setup, Some(remote)).await;
    let resources = Resources::new([&taking_part.alpha, &taking_part.gamma].map(Resource::clone));
    let routes = participant_router(ParticipantClient::local(resources));
    let (listener, participants_at) = free_listener().await;
    let token = tasks.token();
    tasks.spawn(SERVER, async move {
        rpc::serve(listener, [routes], &secret(), async move { token.cancelled().await }).await
    });
    for name in ["alpha", "gamma"] {
        let client = ParticipantClient::remote(endpoint(participants_at));
        coordinating.tc.join(name, client);
        taking_part.tc.join(name, ParticipantClient::remote(endpoint(participants_at)));
    }
    for fails in [true, false] {
        let done = taking_part
            .txn
            .run(&ctx(), |ctx| async move {
                at(&taking_part.alpha, &ctx, add(1, 1)).await?;
                reserve(&taking_part.gamma, &ctx, 1, 2).await?;
                if fails { Err(refused("no")) } else { Ok(()) }
            })
            .await;
        assert_eq!(done.is_err(), fails);
        let (wanted, left) = if fails { (0, (5, 0, 0)) } else { (1, (3, 0, 2)) };
        assert_eq!(n(&world.alpha, 1).await, Some(wanted));
        eventually(PATIENCE, || async { stock_of(&world.gamma, 1).await == left }).await;
    }
    eventually(PATIENCE, || async { undo_rows(&world.alpha, 0).await == 0 }).await;
    // refusals keep their names
    let caller = &ctx();
    let refusal = taking_part.txn.run(caller, |ctx| async move {
        at(&taking_part.alpha, &ctx, add(1, 1)).await?;
        let impatient = Ctx { xid: None, ..ctx.within(Duration::from_millis(900)) };
        taking_part
            .txn
            .run(&impatient, |ctx| async move { at(&taking_part.alpha, &ctx, add(1, 1)).await })
            .await
    });
    let refusal = refusal.await.unwrap_err();
    assert!([LOCK_WAIT_TIMEOUT, "deadline_exceeded"].contains(&refusal.slug()), "{refusal:?}");
    tasks.shutdown(PATIENCE).await;
}

/// A line to a participant that can be cut: before it is asked, or before its answer comes back.
struct Line {
    to: ParticipantClient,
    is_cut: Arc<AtomicBool>,
    loses_answers: bool,
    asked: Arc<AtomicUsize>,
}

#[rpc::async_trait]
impl Participant for Line {
    async fn finish(&self, ctx: &Ctx, req: Finish) -> Result<Vec<Outcome>, Fault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let cut = || Fault::new(ErrorCode::Unavailable, "the line is cut");
        if self.is_cut.load(Ordering::SeqCst) && !self.loses_answers {
            return Err(cut());
        }
        let outcomes = self.to.finish(ctx, req).await;
        if self.is_cut.load(Ordering::SeqCst) { Err(cut()) } else { outcomes }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_27_a_line_that_is_cut_in_the_second_phase_delays_it_and_changes_nothing_else() {
    for (fails, loses_answers) in [(false, false), (false, true), (true, false), (true, true)] {
        let world = &World::new().await;
        world.put(&world.alpha, 1, 0).await;
        world.put(&world.beta, 1, 0).await;
        stock(&world.gamma, 1, 5).await;
        let node =
            &world.node_with(Setup { timeout: Duration::from_secs(4), ..Setup::default() }).await;
        let (is_cut, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        for resource in [&node.alpha, &node.gamma] {
            let (is_cut, asked) = (Arc::clone(&is_cut), Arc::clone(&asked));
            let line = Line { to: resource.client(), is_cut, loses_answers, asked };
            node.tc.join(resource.name(), ParticipantClient::local(line));
        }
        let done: Result<(), Fault> = node
            .txn
            .run(&ctx(), |ctx| async move {
                reserve(&node.gamma, &ctx, 1, 2).await?;
                at(&node.beta, &ctx, add(1, 1)).await?;
                at(&node.alpha, &ctx, add(1, 1)).await?;
                if fails { Err(refused("no")) } else { Ok(()) }
            })
            .await;
        assert_eq!(done.is_err(), fails, "the decision needs no line to anybody else");
        eventually(PATIENCE, || async { asked.load(Ordering::SeqCst) >= 3 }).await;
        is_cut.store(false, Ordering::SeqCst);
        world.no_residue().await;
        let (wanted, left) = if fails { (0, (5, 0, 0)) } else { (1, (3, 0, 2)) };
        assert_eq!(
            (n(&world.alpha, 1).await, n(&world.beta, 1).await),
            (Some(wanted), Some(wanted))
        );
        assert_eq!(stock_of(&world.gamma, 1).await, left);
    }
}

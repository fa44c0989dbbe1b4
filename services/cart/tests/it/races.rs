//! Two calls at once: no update is lost, two tabs share one checkout.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use cart_api::{BeginCheckout, Error};
use tasks::TaskKind;
use testkit::{PATIENCE, anonymous_ctx, eventually, user_ctx};

use crate::world::{World, add, anonymous, lines, merge, show};

const TAB: TaskKind = TaskKind::new("test.tab");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_adds_are_all_in_the_cart() {
    let world = World::new().await;
    let (member, nobody) = (user_ctx("flora", 1), anonymous_ctx("flora"));
    let token = anonymous(&world.client, &nobody).await;
    let done = Arc::new(Mutex::new(0));
    for n in 0..50 {
        let (client, done) = (world.client.clone(), Arc::clone(&done));
        let (member, nobody, token) = (member.clone(), nobody.clone(), token.clone());
        world.tasks.spawn(TAB, async move {
            add(&client, &member, None, n % 5 + 1, 2).await?;
            add(&client, &nobody, Some(&token), 9, 1).await?;
            *done.lock().unwrap() += 1;
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { *done.lock().unwrap() == 50 }).await;
    let view = show(&world.client, &member, None).await;
    let mut found = lines(&view);
    found.sort_unstable();
    assert_eq!(found, [(1, 20), (2, 20), (3, 20), (4, 20), (5, 20)]);
    assert_eq!(view.version, 50);
    assert_eq!(lines(&show(&world.client, &nobody, Some(&token)).await), [(9, 50)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_tabs_begin_one_checkout() {
    let world = World::new().await;
    let ctx = user_ctx("flora", 1);
    add(&world.client, &ctx, None, 1, 1).await.unwrap();
    let got = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..20 {
        let (client, ctx, got) = (world.client.clone(), ctx.clone(), Arc::clone(&got));
        world.tasks.spawn(TAB, async move {
            let checkout = client.begin_checkout(&ctx, BeginCheckout {}).await?;
            got.lock().unwrap().push(checkout.checkout_id);
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { got.lock().unwrap().len() == 20 }).await;
    let ids: BTreeSet<_> = got.lock().unwrap().iter().copied().collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_cart_is_merged_once_by_many_tabs() {
    let world = World::new().await;
    let (member, nobody) = (user_ctx("flora", 1), anonymous_ctx("flora"));
    let token = anonymous(&world.client, &nobody).await;
    add(&world.client, &nobody, Some(&token), 1, 3).await.unwrap();
    let done = Arc::new(Mutex::new(0));
    for _ in 0..20 {
        let (client, done) = (world.client.clone(), Arc::clone(&done));
        let (member, token) = (member.clone(), token.clone());
        world.tasks.spawn(TAB, async move {
            merge(&client, &member, &token).await;
            *done.lock().unwrap() += 1;
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { *done.lock().unwrap() == 20 }).await;
    assert_eq!(lines(&show(&world.client, &member, None).await), [(1, 3)]);
}

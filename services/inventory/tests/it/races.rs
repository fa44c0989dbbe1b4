//! Many at once: stock is never oversold, whoever is first.

use futures::future::join_all;
use inventory_api::{Error, SetAvailable};
use tasks::TaskKind;
use testkit::{PATIENCE, eventually};

use crate::world::{World, add, check_ledger, ledger_sums, levels, reserve, warehouse};
use std::sync::{Arc, Mutex};

const BUYER: TaskKind = TaskKind::new("test.buyer");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_race_for_fifty_units() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    let far = warehouse(&world.client, &world.ctx, "far", 1).await;
    add(&world.client, &world.ctx, place, 1, 30).await;
    add(&world.client, &world.ctx, far, 1, 20).await;
    add(&world.client, &world.ctx, far, 2, 50).await;
    for n in 0..200 {
        add(&world.client, &world.ctx, place, 1_000 + n, 1).await;
    }
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    for n in 0..200_i64 {
        let (client, ctx) = (world.client.clone(), world.ctx.clone());
        let outcomes = Arc::clone(&outcomes);
        world.tasks.spawn(BUYER, async move {
            // Half of them name the two skus the other way round.
            let lines = if n % 2 == 0 { [1, 2, 1_000 + n] } else { [2, 1_000 + n, 1] };
            let result = reserve(&client, &ctx, n + 1, &lines.map(|s| (s, 1))).await;
            outcomes.lock().unwrap().push(result.map(|r| r.order_id));
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { outcomes.lock().unwrap().len() == 200 }).await;
    let outcomes = outcomes.lock().unwrap().clone();
    let won = outcomes.iter().filter(|o| o.is_ok()).count();
    assert_eq!(won, 50, "exactly as many as there are units");
    for outcome in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(outcome, Error::SoldOut(_)), "{outcome:?}");
    }
    for sku in [1, 2] {
        assert_eq!(levels(&world.client, &world.ctx, sku).await, (0, 50, 0));
        check_ledger(&world.client, &world.ctx, sku).await;
    }
    let mut own = 0;
    for n in 0..200 {
        own += levels(&world.client, &world.ctx, 1_000 + n).await.1;
    }
    assert_eq!(own, 50, "a refused order holds nothing of its other lines");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_reserved_by_many_at_once_is_reserved_once() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 100).await;
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..50 {
        let (client, ctx) = (world.client.clone(), world.ctx.clone());
        let outcomes = Arc::clone(&outcomes);
        world.tasks.spawn(BUYER, async move {
            let result = reserve(&client, &ctx, 1, &[(1, 2)]).await;
            outcomes.lock().unwrap().push(result);
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { outcomes.lock().unwrap().len() == 50 }).await;
    let outcomes = outcomes.lock().unwrap().clone();
    assert!(outcomes.iter().all(|o| *o == outcomes[0] && o.is_ok()));
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (98, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_stays_whole_while_orders_come_and_go() {
    let world = World::new().await;
    let places = [
        warehouse(&world.client, &world.ctx, "main", 0).await,
        warehouse(&world.client, &world.ctx, "far", 1).await,
    ];
    for sku in 1..=3 {
        for place in places {
            add(&world.client, &world.ctx, place, sku, 10).await;
        }
    }
    let done = Arc::new(Mutex::new(0));
    for n in 0..60_i64 {
        let (client, ctx, done) = (world.client.clone(), world.ctx.clone(), Arc::clone(&done));
        world.tasks.spawn(BUYER, async move {
            let id = crate::world::for_order(n + 1);
            let lines = [(n % 3 + 1, 2), ((n + 1) % 3 + 1, 3)];
            if reserve(&client, &ctx, n + 1, &lines).await.is_ok() {
                if n % 4 != 0 {
                    client.bind(&ctx, id).await?;
                }
                match n % 4 {
                    1 => drop(client.sell(&ctx, id).await?),
                    2 => client.release(&ctx, id).await?,
                    _ => {}
                }
            }
            *done.lock().unwrap() += 1;
            Ok::<(), Error>(())
        });
    }
    let whole = async || {
        for sku in 1..=3 {
            let (available, reserved, sold) = levels(&world.client, &world.ctx, sku).await;
            assert!(available >= 0 && reserved >= 0 && sold >= 0);
            assert_eq!(available + reserved + sold, 20, "at every instant");
        }
        *done.lock().unwrap() == 60
    };
    eventually(PATIENCE, whole).await;
    for sku in 1..=3 {
        check_ledger(&world.client, &world.ctx, sku).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_that_is_set_and_adjusted_by_many_at_once_is_what_the_ledger_says() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    let far = warehouse(&world.client, &world.ctx, "far", 1).await;
    // Skus of which there is no row yet.
    let sets = (0..24_i64).map(|n| {
        let (client, ctx) = (world.client.clone(), world.ctx.clone());
        async move {
            let levels = vec![(crate::world::sku(1), 10 + n), (crate::world::sku(2), 20 + n)];
            let warehouse_id = Some(if n % 3 == 0 { far } else { place });
            let set = SetAvailable { warehouse_id, levels, reason: "import".to_owned() };
            client.set_available(&ctx, set).await
        }
    });
    let adds = (0..24).map(|_| add(&world.client, &world.ctx, place, 3, 2));
    let (sets, adds) = futures::join!(join_all(sets), join_all(adds));
    assert!(sets.iter().all(Result::is_ok), "{sets:?}");
    assert_eq!(adds.len(), 24);
    assert_eq!(levels(&world.client, &world.ctx, 3).await, (48, 0, 0));
    for sku in 1..=3 {
        check_ledger(&world.client, &world.ctx, sku).await;
        assert_eq!(world.told(sku).await, [true], "it became available once");
    }
    let one = ledger_sums(&world.client, &world.ctx, 1).await.0;
    assert!((10..34).contains(&one[&place].0) && (10..34).contains(&one[&far].0), "{one:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_and_a_reserve_of_one_order_at_once_leave_nothing_held() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 100).await;
    for n in 1..=40_i64 {
        let (client, ctx) = (&world.client, &world.ctx);
        let order = crate::world::for_order(n);
        let reserving = reserve(client, ctx, n, &[(1, 1)]);
        let (reserved, released) = futures::join!(reserving, client.release(ctx, order));
        released.unwrap();
        let stands = client.get_reservation(ctx, order).await.unwrap();
        assert!(matches!(reserved, Ok(_) | Err(Error::ReservationOver)), "{reserved:?}");
        assert_eq!(stands.state, inventory_api::ReservationState::Released);
    }
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (100, 0, 0));
    check_ledger(&world.client, &world.ctx, 1).await;
}

/// Buyers of one to three units of a few skus, more than there are, with and without some coming back.
async fn rush_to_the_last_unit(
    world: &World,
    give_back: bool,
) -> Vec<(i64, u32, Result<(), Error>)> {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    for n in 0..120_i64 {
        let (client, ctx) = (world.client.clone(), world.ctx.clone());
        let outcomes = Arc::clone(&outcomes);
        world.tasks.spawn(BUYER, async move {
            let units = u32::try_from(n % 3 + 1).unwrap();
            let lines = if n % 2 == 0 { [(1, units), (2, 1)] } else { [(2, 1), (1, units)] };
            let result = reserve(&client, &ctx, n + 1, &lines).await.map(drop);
            if give_back && result.is_ok() && n % 2 == 0 {
                client.release(&ctx, crate::world::for_order(n + 1)).await?;
            }
            outcomes.lock().unwrap().push((n + 1, units, result));
            Ok::<(), Error>(())
        });
    }
    eventually(PATIENCE, || async { outcomes.lock().unwrap().len() == 120 }).await;
    outcomes.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_units_go_to_whom_they_suffice_for_and_the_end_is_told_once() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    let far = warehouse(&world.client, &world.ctx, "far", 1).await;
    add(&world.client, &world.ctx, place, 1, 41).await;
    add(&world.client, &world.ctx, far, 1, 30).await;
    add(&world.client, &world.ctx, place, 2, 100).await;
    let outcomes = rush_to_the_last_unit(&world, false).await;
    let won: u32 = outcomes.iter().filter(|(_, _, o)| o.is_ok()).map(|(_, n, _)| n).sum();
    let (available, reserved, _) = levels(&world.client, &world.ctx, 1).await;
    assert_eq!((available + reserved, reserved), (71, i64::from(won)));
    for (id, units, outcome) in outcomes {
        let Err(e) = outcome else { continue };
        let Error::SoldOut(short) = &e else { panic!("order {id}: {e:?}") };
        assert_eq!((short.len(), short[0].wanted), (1, i64::from(units)));
        assert!(short[0].available < i64::from(units), "it was refused what was there");
        assert!(available < i64::from(units), "and it would have sufficed to the end");
    }
    let told = if available > 0 { vec![true] } else { vec![true, false] };
    assert_eq!(world.told(1).await, told);
    assert_eq!(world.told(2).await, [true]);
    for sku in [1, 2] {
        check_ledger(&world.client, &world.ctx, sku).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_while_stock_runs_out_and_comes_back_is_how_it_stands() {
    let world = World::new().await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    let far = warehouse(&world.client, &world.ctx, "far", 1).await;
    add(&world.client, &world.ctx, place, 1, 4).await;
    add(&world.client, &world.ctx, far, 1, 3).await;
    add(&world.client, &world.ctx, far, 2, 9).await;
    let outcomes = rush_to_the_last_unit(&world, true).await;
    for (id, _, outcome) in &outcomes {
        assert!(matches!(outcome, Ok(()) | Err(Error::SoldOut(_))), "order {id}: {outcome:?}");
    }
    for (sku, whole) in [(1, 7), (2, 9)] {
        let (available, reserved, sold) = levels(&world.client, &world.ctx, sku).await;
        assert!(available >= 0 && reserved >= 0, "{available} {reserved}");
        assert_eq!((available + reserved, sold), (whole, 0));
        let told = world.told(sku).await;
        assert!(told.windows(2).all(|w| w[0] != w[1]), "each is news: {told:?}");
        assert_eq!(told.last().copied(), Some(available > 0), "{told:?}");
        check_ledger(&world.client, &world.ctx, sku).await;
    }
}

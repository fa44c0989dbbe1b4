//! Anonymous carts live for 30 days after they were last used, and are deleted then.

use std::time::Duration;

use cart::Options;
use testkit::{anonymous_ctx, test_clock, test_ctx, user_ctx};

use crate::world::{World, add, anonymous, consume, lines, order, set, show};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test]
async fn an_anonymous_cart_lives_as_long_as_it_is_used() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let ctx = anonymous_ctx("flora");
    let (used, looked_at) =
        (anonymous(&world.client, &ctx).await, anonymous(&world.client, &ctx).await);
    let forgotten = anonymous(&world.client, &ctx).await;
    for token in [&used, &looked_at, &forgotten] {
        add(&world.client, &ctx, Some(token), 1, 1).await.unwrap();
    }
    clock.advance(29 * DAY);
    add(&world.client, &ctx, Some(&used), 2, 1).await.unwrap();
    assert_eq!(lines(&show(&world.client, &ctx, Some(&looked_at)).await), [(1, 1)]);
    clock.advance(DAY);
    assert!(show(&world.client, &ctx, Some(&forgotten)).await.lines.is_empty());
    assert!(set(&world.client, &ctx, Some(&forgotten), 1, Some(1)).await.is_err());
    clock.advance(28 * DAY);
    assert_eq!(lines(&show(&world.client, &ctx, Some(&used)).await), [(1, 1), (2, 1)]);
    assert_eq!(lines(&show(&world.client, &ctx, Some(&looked_at)).await), [(1, 1)]);
}

#[tokio::test]
async fn what_has_expired_is_deleted_in_batches_and_members_carts_stay() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let batch = Options::default().purge_batch as usize;
    for n in 0..batch + 3 {
        let tenant = if n % 2 == 0 { "flora" } else { "gadget" };
        anonymous(&world.client, &anonymous_ctx(tenant)).await;
    }
    let member = user_ctx("flora", 1);
    add(&world.client, &member, None, 1, 5).await.unwrap();
    let ordered = consume(1, order(5), &[(1, 1)]);
    world.client.consume(&test_ctx("flora"), ordered.clone()).await.unwrap();
    clock.advance(30 * DAY - Duration::from_secs(1));
    assert_eq!(world.purge.run_once().await.unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    assert_eq!(world.purge.run_once().await.unwrap(), batch + 1, "and the mark of the order");
    assert_eq!(world.purge.run_once().await.unwrap(), 3);
    assert_eq!(world.purge.run_once().await.unwrap(), 0);
    assert_eq!(lines(&show(&world.client, &member, None).await), [(1, 4)]);
}

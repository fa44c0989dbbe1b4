//! What callers may rely on, whether the service is in their process or behind the wire.

use cart_api::{BeginCheckout, CartClient, CartToken, Error, SetLine};
use kit::{ErrorCode, Secret};
use rpc::ServiceError as _;
use testkit::{anonymous_ctx, test_ctx, user_ctx};

use crate::world::{
    ON_SALE, World, add, anonymous, consume, content_of, forget, lines, many, merge, restore, save,
    saved, set, show, sku,
};

async fn suite(world: &World, client: &CartClient) {
    a_member_fills_changes_and_empties_a_cart(client).await;
    an_anonymous_cart_belongs_to_whoever_has_its_token(client).await;
    without_a_cart_there_is_nothing_to_see_and_nowhere_to_put(client).await;
    only_what_is_on_sale_is_added_and_anything_is_removed(client).await;
    a_cart_is_full_at_a_hundred_lines(client).await;
    a_merge_sums_and_empties_and_may_be_repeated(client).await;
    a_checkout_is_begun_once_and_kept_until_it_is_used(client).await;
    a_checkout_whose_stock_was_given_back_is_begun_anew(world, client).await;
    an_order_is_taken_out_once_and_no_further_than_it_is_there(client).await;
    a_saved_line_is_kept_for_later_and_is_not_ordered(client).await;
    saved_lines_join_the_members_at_a_merge(client).await;
    what_is_not_ones_own_is_not_shown(client).await;
}

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world, &world.client).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world, &world.remote().await).await;
}

async fn a_member_fills_changes_and_empties_a_cart(client: &CartClient) {
    let ctx = &user_ctx("flora", 1);
    let empty = show(client, ctx, None).await;
    assert_eq!((empty.lines.len(), empty.subtotal.amount(), empty.version), (0, 0, 0));
    assert_eq!(empty.subtotal.currency().code(), "CNY");
    add(client, ctx, None, 9, 2).await.unwrap();
    add(client, ctx, None, 3, 1).await.unwrap();
    let view = add(client, ctx, None, 9, 1).await.unwrap();
    assert_eq!(lines(&view), [(9, 3), (3, 1)], "in the order they were put in");
    assert_eq!((view.subtotal.amount(), view.version), (9 * 300 + 300, 3));
    let line = &view.lines[0];
    assert_eq!((line.total.unwrap().amount(), line.variant.as_str()), (2_700, "Red"));
    let view = set(client, ctx, None, 9, Some(1)).await.unwrap();
    assert_eq!(lines(&view), [(9, 1), (3, 1)]);
    let same = set(client, ctx, None, 9, Some(1)).await.unwrap();
    assert_eq!(same, view, "what is so already is no change");
    set(client, ctx, None, 9, None).await.unwrap();
    let view = set(client, ctx, None, 9, None).await.unwrap();
    assert_eq!(lines(&view), [(3, 1)]);
    assert_eq!(show(client, ctx, None).await, view);
    let full = add(client, ctx, None, 3, 10_000).await.unwrap();
    assert_eq!(lines(&full), [(3, 10_000)], "capped");
}

async fn an_anonymous_cart_belongs_to_whoever_has_its_token(client: &CartClient) {
    let ctx = &anonymous_ctx("flora");
    let (mine, other) = (anonymous(client, ctx).await, anonymous(client, ctx).await);
    assert_eq!(mine.0.expose().len(), 32, "128 bits in hex");
    assert_ne!(mine.0.expose(), other.0.expose());
    assert!(!format!("{mine:?}").contains(mine.0.expose()));
    add(client, ctx, Some(&mine), 4, 2).await.unwrap();
    assert_eq!(lines(&show(client, ctx, Some(&mine)).await), [(4, 2)]);
    assert!(show(client, ctx, Some(&other)).await.lines.is_empty());
    assert!(show(client, &anonymous_ctx("gadget"), Some(&mine)).await.lines.is_empty());
    let member = &user_ctx("flora", 2);
    assert!(show(client, member, Some(&mine)).await.lines.is_empty(), "a member has his own");
}

async fn without_a_cart_there_is_nothing_to_see_and_nowhere_to_put(client: &CartClient) {
    let ctx = &anonymous_ctx("flora");
    let invented = CartToken(Secret::new("00112233445566778899aabbccddeeff".to_owned()));
    let odd = CartToken(Secret::new("not a token".to_owned()));
    for token in [None, Some(&invented), Some(&odd)] {
        assert!(show(client, ctx, token).await.lines.is_empty());
        for wanted in [Some(1), None] {
            let fault = set(client, ctx, token, 4, wanted).await.unwrap_err().into_fault();
            assert_eq!((fault.code, fault.slug()), (ErrorCode::Unauthenticated, "cart_required"));
            assert!(fault.message.contains("POST /v1/store/carts"), "{fault}");
        }
    }
}

async fn only_what_is_on_sale_is_added_and_anything_is_removed(client: &CartClient) {
    let ctx = &user_ctx("flora", 3);
    for s in [ON_SALE + 1, ON_SALE + 2] {
        assert_eq!(add(client, ctx, None, s, 1).await, Err(Error::NotSellable(sku(s))));
        assert!(set(client, ctx, None, s, None).await.unwrap().lines.is_empty());
    }
    let req = SetLine { token: None, sku_id: sku(1), quantity: None, add: true };
    assert_eq!(client.set_line(ctx, req).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn a_cart_is_full_at_a_hundred_lines(client: &CartClient) {
    let ctx = &user_ctx("flora", 4);
    for s in 1..=100 {
        add(client, ctx, None, s, 1).await.unwrap();
    }
    assert_eq!(add(client, ctx, None, 101, 1).await, Err(Error::Full));
    assert_eq!(add(client, ctx, None, 100, 1).await.unwrap().lines.len(), 100);
}

async fn a_merge_sums_and_empties_and_may_be_repeated(client: &CartClient) {
    let (ctx, nobody) = (&user_ctx("flora", 5), &anonymous_ctx("flora"));
    let token = anonymous(client, nobody).await;
    for (s, n) in [(8, 9_999), (6, 1), (7, 1)] {
        add(client, nobody, Some(&token), s, n).await.unwrap();
    }
    add(client, ctx, None, 7, 2).await.unwrap();
    add(client, ctx, None, 8, 2).await.unwrap();
    let merged = merge(client, ctx, &token).await;
    assert_eq!(lines(&merged), [(7, 3), (8, 10_000), (6, 1)]);
    assert_eq!(merge(client, ctx, &token).await, merged, "repeating it changes nothing");
    assert!(show(client, nobody, Some(&token)).await.lines.is_empty());
    add(client, nobody, Some(&token), 9, 1).await.unwrap();
    assert_eq!(lines(&merge(client, ctx, &token).await).len(), 4, "the token is still good");
    let invented = CartToken(Secret::new("x".to_owned()));
    assert_eq!(merge(client, ctx, &invented).await.lines.len(), 4);
    let refused = client.merge(nobody, cart_api::Merge { token }).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unauthenticated);
}

async fn a_checkout_is_begun_once_and_kept_until_it_is_used(client: &CartClient) {
    let (ctx, system) = (&user_ctx("flora", 6), &test_ctx("flora"));
    let begin = async || client.begin_checkout(ctx, BeginCheckout {}).await;
    assert_eq!(begin().await, Err(Error::Empty));
    add(client, ctx, None, 1, 3).await.unwrap();
    let first = begin().await.unwrap();
    assert_eq!(begin().await.unwrap(), first);
    add(client, ctx, None, 2, 1).await.unwrap();
    assert_eq!(begin().await.unwrap(), first, "a changed cart keeps its checkout");
    let content = client.get_content(system, content_of(6)).await.unwrap();
    assert_eq!(content.checkout_id, Some(first.checkout_id));
    assert_eq!(content.lines, [(sku(1), many(3)), (sku(2), many(1))]);
    client.consume(system, consume(6, first.checkout_id, &[(1, 3)])).await.unwrap();
    let content = client.get_content(system, content_of(6)).await.unwrap();
    assert_eq!((content.checkout_id, content.lines), (None, vec![(sku(2), many(1))]));
    assert_ne!(begin().await.unwrap(), first);
    set(client, ctx, None, 2, None).await.unwrap();
    assert_eq!(begin().await, Err(Error::Empty));
    let refused = client.begin_checkout(&anonymous_ctx("flora"), BeginCheckout {}).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Unauthenticated);
}

async fn a_checkout_whose_stock_was_given_back_is_begun_anew(world: &World, client: &CartClient) {
    let ctx = &user_ctx("flora", 7);
    add(client, ctx, None, 1, 3).await.unwrap();
    let first = client.begin_checkout(ctx, BeginCheckout {}).await.unwrap();
    world.released.lock().unwrap().insert(first.checkout_id);
    let second = client.begin_checkout(ctx, BeginCheckout {}).await.unwrap();
    assert_ne!(second, first, "an id is reserved for once only");
    assert_eq!(client.begin_checkout(ctx, BeginCheckout {}).await.unwrap(), second);
    let content = client.get_content(ctx, content_of(7)).await.unwrap();
    assert_eq!(content.checkout_id, Some(second.checkout_id));
}

async fn an_order_is_taken_out_once_and_no_further_than_it_is_there(client: &CartClient) {
    let (ctx, system) = (&user_ctx("flora", 8), &test_ctx("flora"));
    add(client, ctx, None, 1, 5).await.unwrap();
    add(client, ctx, None, 2, 1).await.unwrap();
    let placed = client.begin_checkout(ctx, BeginCheckout {}).await.unwrap().checkout_id;
    let ordered = consume(8, placed, &[(1, 2), (2, 4), (3, 1)]);
    for _ in 0..3 {
        client.consume(system, ordered.clone()).await.unwrap();
    }
    assert_eq!(lines(&show(client, ctx, None).await), [(1, 3)]);
    let next = client.begin_checkout(ctx, BeginCheckout {}).await.unwrap().checkout_id;
    client.consume(system, ordered).await.unwrap();
    let content = client.get_content(system, content_of(8)).await.unwrap();
    assert_eq!(content.checkout_id, Some(next), "an old order does not end a new checkout");
    let nobody = consume(77, placed, &[(1, 1)]);
    client.consume(system, nobody).await.unwrap();
}

async fn a_saved_line_is_kept_for_later_and_is_not_ordered(client: &CartClient) {
    let (ctx, system) = (&user_ctx("flora", 30), &test_ctx("flora"));
    add(client, ctx, None, 1, 2).await.unwrap();
    add(client, ctx, None, 2, 3).await.unwrap();
    let kept = save(client, ctx, None, 1).await.unwrap();
    assert_eq!((lines(&kept), saved(&kept)), (vec![(2, 3)], vec![(1, 2)]));
    assert_eq!(kept.subtotal.amount(), 600, "what is saved is not in the sum");
    assert_eq!(kept.saved[0].total.unwrap().amount(), 200, "and has its price");
    assert_eq!(save(client, ctx, None, 1).await.unwrap(), kept, "repeating it changes nothing");
    let content = client.get_content(system, content_of(30)).await.unwrap();
    assert_eq!(content.lines, [(sku(2), many(3))]);
    client.consume(system, consume(30, crate::world::order(77), &[(1, 2), (2, 3)])).await.unwrap();
    let after = show(client, ctx, None).await;
    assert_eq!((lines(&after), saved(&after)), (vec![], vec![(1, 2)]));
    let empty = client.begin_checkout(ctx, BeginCheckout {}).await;
    assert_eq!(empty, Err(Error::Empty), "there is nothing to order");
    let back = restore(client, ctx, None, 1).await.unwrap();
    assert_eq!((lines(&back), saved(&back)), (vec![(1, 2)], vec![]));
    assert_eq!(restore(client, ctx, None, 1).await.unwrap(), back);
    save(client, ctx, None, 1).await.unwrap();
    let gone = forget(client, ctx, None, 1).await.unwrap();
    assert!(gone.lines.is_empty() && gone.saved.is_empty());
    assert_eq!(forget(client, ctx, None, 1).await.unwrap(), gone);
    for error in [save(client, ctx, None, 1).await, restore(client, ctx, None, 1).await] {
        assert_eq!(error.unwrap_err().code(), ErrorCode::NotFound);
    }
}

async fn saved_lines_join_the_members_at_a_merge(client: &CartClient) {
    let (ctx, nobody) = (&user_ctx("flora", 31), &anonymous_ctx("flora"));
    let token = anonymous(client, nobody).await;
    for s in [1, 2, 3] {
        add(client, nobody, Some(&token), s, 1).await.unwrap();
        save(client, nobody, Some(&token), s).await.unwrap();
        add(client, ctx, None, s, 2).await.unwrap();
    }
    save(client, ctx, None, 3).await.unwrap();
    let merged = merge(client, ctx, &token).await;
    assert_eq!(lines(&merged), [(1, 2), (2, 2)], "what is saved stays saved");
    assert_eq!(saved(&merged), [(3, 3), (1, 1), (2, 1)]);
    assert_eq!(merge(client, ctx, &token).await, merged);
    assert!(show(client, nobody, Some(&token)).await.saved.is_empty());
    let both = restore(client, ctx, None, 1).await.unwrap();
    assert_eq!(lines(&both), [(1, 3), (2, 2)], "added to what is there");
    for refused in [save(client, nobody, None, 1).await, forget(client, nobody, None, 1).await] {
        assert_eq!(refused.unwrap_err().into_fault().slug(), "cart_required");
    }
}

async fn what_is_not_ones_own_is_not_shown(client: &CartClient) {
    let (mine, other) = (&user_ctx("flora", 8), &user_ctx("flora", 9));
    assert_eq!(client.get_content(mine, content_of(8)).await.unwrap().lines.len(), 1);
    let refused = client.get_content(other, content_of(8)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotFound);
    let elsewhere = client.get_content(&test_ctx("gadget"), content_of(8)).await.unwrap();
    assert!(elsewhere.lines.is_empty());
    for ctx in [mine, &anonymous_ctx("flora")] {
        let order = crate::world::order(5);
        let refused = client.consume(ctx, consume(8, order, &[(1, 1)])).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
}

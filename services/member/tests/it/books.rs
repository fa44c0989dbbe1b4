//! Address books: whose they are, how many addresses they hold, which is offered first. The functions
//! without `#[test]` are part of the contract's suite.

use kit::ErrorCode;
use member_api::{
    ADDRESSES_MAX, AddressRef, Error, ListAddresses, MemberClient, PutAddress, SavedAddress,
};
use rpc::{Ctx, ServiceError as _};
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use types::AddressId;

use crate::world::{World, address, as_member};

async fn book(client: &MemberClient, ctx: &Ctx) -> Vec<SavedAddress> {
    client.list_addresses(ctx, ListAddresses {}).await.unwrap()
}

/// Streets in the book's sequence; the one that is offered first has a star.
async fn streets(client: &MemberClient, ctx: &Ctx) -> Vec<String> {
    let star = |a: &SavedAddress| if a.is_default { "*" } else { "" };
    book(client, ctx).await.iter().map(|a| format!("{}{}", a.address.street, star(a))).collect()
}

fn put(id: Option<AddressId>, street: &str, is_default: bool) -> PutAddress {
    PutAddress { id, is_default, address: address(street) }
}

pub async fn a_book_is_its_owners_and_offers_one_address_first(world: &World) {
    let client = &world.client;
    let ctx = &as_member("flora", &world.member("flora", "book@b.example").await);
    let add =
        async |street, first| client.put_address(ctx, put(None, street, first)).await.unwrap();
    let one = add("1 Rose Lane", false).await;
    assert!(one.is_default, "the first one is offered first");
    let two = add("2 Lily Lane", false).await;
    let three = add("3 Iris Lane", true).await;
    assert_eq!(streets(client, ctx).await, ["3 Iris Lane*", "1 Rose Lane", "2 Lily Lane"]);

    client.put_address(ctx, put(Some(three.id), "3a Iris Lane", false)).await.unwrap();
    assert_eq!(streets(client, ctx).await[0], "3a Iris Lane*", "it stays so until another is");
    client.put_address(ctx, put(Some(one.id), "1 Rose Lane", true)).await.unwrap();
    assert_eq!(streets(client, ctx).await, ["1 Rose Lane*", "2 Lily Lane", "3a Iris Lane"]);
    client.delete_address(ctx, AddressRef { id: one.id }).await.unwrap();
    assert_eq!(streets(client, ctx).await, ["3a Iris Lane*", "2 Lily Lane"], "the newest inherits");
    client.delete_address(ctx, AddressRef { id: one.id }).await.unwrap();
    let gone = client.get_address(ctx, AddressRef { id: one.id }).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::NotFound);

    let stranger = &as_member("flora", &world.member("flora", "thief@b.example").await);
    let abroad = &user_ctx("gadget", ctx.actor.id);
    for ctx in [stranger, abroad] {
        assert!(client.get_address(ctx, AddressRef { id: two.id }).await.is_err());
        assert!(client.put_address(ctx, put(Some(two.id), "mine", true)).await.is_err());
        assert!(book(client, ctx).await.is_empty());
    }
    client.delete_address(stranger, AddressRef { id: two.id }).await.unwrap();
    let kept = client.get_address(ctx, AddressRef { id: two.id }).await.unwrap();
    assert_eq!((kept.address, kept.is_default), (address("2 Lily Lane"), false));
    for ctx in [anonymous_ctx("flora"), operator_ctx("flora", ctx.actor.id, &["*"])] {
        let refused = client.list_addresses(&ctx, ListAddresses {}).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unauthenticated);
    }
    let mut bad = put(None, "1 Rose Lane", false);
    bad.address.country = "China".to_owned();
    let refused = client.put_address(ctx, bad).await.unwrap_err();
    assert_eq!(refused.into_fault().fields[0].pointer, "/address/country");
}

pub async fn a_book_holds_fifty_addresses(world: &World) {
    let client = &world.client;
    let ctx = &as_member("flora", &world.member("flora", "collector@b.example").await);
    for n in 0..ADDRESSES_MAX {
        world.clock.advance(std::time::Duration::from_millis(1));
        client.put_address(ctx, put(None, &format!("{n} Rose Lane"), true)).await.unwrap();
    }
    let full = client.put_address(ctx, put(None, "one more", false)).await.unwrap_err();
    assert_eq!(full, Error::TooManyAddresses);
    let all = book(client, ctx).await;
    assert_eq!(all.len(), ADDRESSES_MAX);
    assert_eq!(all.iter().filter(|a| a.is_default).count(), 1);
    assert_eq!(all[0].address.street, "49 Rose Lane");
    client.put_address(ctx, put(Some(all[0].id), "replaced", false)).await.unwrap();
    client.delete_address(ctx, AddressRef { id: all[1].id }).await.unwrap();
    assert!(client.put_address(ctx, put(None, "one more", false)).await.is_ok());
}

#[tokio::test]
async fn of_many_addresses_at_once_one_is_offered_first() {
    let world = World::new().await;
    let session = world.member("flora", "a@b").await;
    let ctx = as_member("flora", &session);
    let mut all = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (client, ctx) = (world.client.clone(), ctx.clone());
        all.spawn(async move {
            client.put_address(&ctx, put(None, &format!("{n} Rose Lane"), n % 2 == 0)).await
        });
    }
    let added = all.join_all().await.into_iter().filter(Result::is_ok).count();
    let book = book(&world.client, &ctx).await;
    assert_eq!((added, book.len()), (ADDRESSES_MAX, ADDRESSES_MAX));
    assert_eq!(book.iter().filter(|a| a.is_default).count(), 1);
}

//! What an operator sees, in one process and over the wire.

use rpc::Fault;
use txn::Status;
use txn::api::ListRequest;
use txn::model::Kind;

use crate::common::{World, add, at, ctx, reserve, stock};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_follows_a_transaction_with_its_branches_and_locks() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    stock(&world.gamma, 1, 5).await;
    let client = &node.tc.client();
    node.txn
        .run(&ctx(), |inside| async move {
            at(&node.alpha, &inside, add(1, 1)).await?;
            reserve(&node.gamma, &inside, 1, 2).await?;
            let shown = client.show(&ctx(), inside.xid.clone().unwrap()).await?;
            assert_eq!(shown.locks, ["alpha.items[flora, 1]"]);
            let global = shown.global;
            assert_eq!((global.status, global.request_id), (Status::Begin, ctx().request_id));
            let branches: Vec<_> =
                global.branches.iter().map(|b| (b.seq, b.resource.as_str(), b.kind)).collect();
            assert_eq!(branches, [(1, "alpha", Kind::At), (2, "gamma", Kind::Tcc)]);
            assert!(global.begun_at < global.deadline);
            let request = ListRequest { statuses: vec![Status::Begin], ..ListRequest::default() };
            assert_eq!(client.list(&ctx(), request).await?.len(), 1);
            Ok::<_, Fault>(())
        })
        .await
        .unwrap();
    let request = ListRequest { statuses: vec![Status::RollbackFailed], ..ListRequest::default() };
    assert!(client.list(&ctx(), request).await.unwrap().is_empty());
}

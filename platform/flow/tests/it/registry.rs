//! Publishing: versions count up, a bad document changes nothing, tenants do not see each other, and a
//! restart finds what was published.

use flow::registry::Options;
use flow::{FlowKind, Registry};
use kit::ErrorCode;
use serde_json::{Value, json};
use shard::{Database, Schema};
use testkit::{TempShards, test_ctx};

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[flow::store::MIGRATIONS], cell_tables: &[] };

fn kind() -> FlowKind {
    FlowKind::new("job").role("worker").event("job.done").sample(json!({"job": {"size": 1}}))
}

fn document(middle: &str) -> Value {
    json!({
        "code": "job", "initStatus": "NEW",
        "statuses": {"NEW": {}, middle: {}, "DONE": {"final": true}},
        "operations": {
            "start": {"from": "NEW", "to": middle, "by": ["worker"]},
            "finish": {"from": middle, "to": "DONE", "by": ["worker"]}
        }
    })
}

fn registry(db: &Database) -> Registry {
    let registry = Registry::new(db.clone(), Options::default());
    registry.register(kind());
    registry
}

#[tokio::test]
async fn versions_count_up_and_the_last_one_is_active() {
    let shards = TempShards::new();
    let registry = registry(&shards.single(PLATFORM).await);
    let ctx = test_ctx("flora");
    assert_eq!(registry.active(&ctx, "job").await.unwrap_err().code, ErrorCode::NotFound);
    let first = registry.publish(&ctx, "job", &document("ONE").to_string()).await.unwrap();
    assert_eq!((first.version, first.published_by.as_str()), (1, "system:test"));
    let old = registry.active(&ctx, "job").await.unwrap();
    let second = registry.publish(&ctx, "job", &document("TWO").to_string()).await.unwrap();
    assert_eq!(second.version, 2);
    let active = registry.active(&ctx, "job").await.unwrap();
    assert_eq!((active.version(), active.checksum()), (2, second.checksum.as_str()));
    // Whoever holds the old one keeps it, and it can be had again.
    assert!(old.document().statuses.contains_key("ONE"));
    assert_eq!(registry.get(&ctx, "job", 1).await.unwrap().checksum(), old.checksum());
    let listed: Vec<_> =
        registry.list(&ctx, "job").await.unwrap().iter().map(|p| (p.version, p.active)).collect();
    assert_eq!(listed, [(2, true), (1, false)]);
    let text = registry.text(&ctx, "job", 2).await.unwrap();
    assert_eq!(text, active.document().canonical());
    assert_eq!(registry.get(&ctx, "job", 3).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_publishes_at_once_gets_a_version_each() {
    let shards = TempShards::new();
    let registry = registry(&shards.single(PLATFORM).await);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let registry = registry.clone();
        all.spawn(async move {
            let text = document("ONE").to_string();
            registry.publish(&test_ctx("flora"), "job", &text).await.unwrap().version
        });
    }
    let mut versions = all.join_all().await;
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(registry.active(&test_ctx("flora"), "job").await.unwrap().version(), 8);
}

#[tokio::test]
async fn a_document_may_only_name_the_next_version() {
    let shards = TempShards::new();
    let registry = registry(&shards.single(PLATFORM).await);
    let ctx = test_ctx("flora");
    let named = |version: u32| {
        let mut document = document("ONE");
        document["version"] = json!(version);
        document.to_string()
    };
    let fault = registry.publish(&ctx, "job", &named(2)).await.unwrap_err();
    assert_eq!((fault.code, fault.slug()), (ErrorCode::Conflict, "flow_version_conflict"));
    assert_eq!(registry.publish(&ctx, "job", &named(1)).await.unwrap().version, 1);
    // The same request again does not publish twice.
    assert!(registry.publish(&ctx, "job", &named(1)).await.is_err());
    assert_eq!(registry.list(&ctx, "job").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_document_is_refused_whole_and_the_old_one_stays() {
    let shards = TempShards::new();
    let registry = registry(&shards.single(PLATFORM).await);
    let ctx = test_ctx("flora");
    registry.publish(&ctx, "job", &document("ONE").to_string()).await.unwrap();
    let mut bad = document("TWO");
    bad["operations"]["start"]["to"] = json!("THREE");
    bad["operations"]["finish"]["emit"] = json!(["job.dunn"]);
    let fault = registry.publish(&ctx, "job", &bad.to_string()).await.unwrap_err();
    assert_eq!((fault.code, fault.slug()), (ErrorCode::Invalid, "invalid_flow"));
    for place in ["/operations/start/to", "/operations/finish/emit/0"] {
        assert!(fault.fields.iter().any(|f| f.pointer == place), "{fault:?}");
    }
    assert_eq!(registry.active(&ctx, "job").await.unwrap().version(), 1);
    assert_eq!(registry.list(&ctx, "job").await.unwrap().len(), 1);
    let unknown = registry.publish(&ctx, "jab", "{}").await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn fl_07_tenants_publish_for_themselves_alone() {
    let shards = TempShards::new();
    let registry = registry(&shards.single(PLATFORM).await);
    let (flora, gadget) = (test_ctx("flora"), test_ctx("gadget"));
    registry.publish(&flora, "job", &document("ONE").to_string()).await.unwrap();
    assert_eq!(registry.active(&gadget, "job").await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(registry.get(&gadget, "job", 1).await.unwrap_err().code, ErrorCode::NotFound);
    registry.publish(&gadget, "job", &document("TWO").to_string()).await.unwrap();
    let (ours, theirs) = (
        registry.active(&flora, "job").await.unwrap(),
        registry.active(&gadget, "job").await.unwrap(),
    );
    assert_eq!((ours.version(), theirs.version()), (1, 1));
    assert!(ours.document().statuses.contains_key("ONE"));
    assert!(theirs.document().statuses.contains_key("TWO"));
    assert_eq!(registry.list(&flora, "job").await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_process_and_a_restart_find_what_was_published() {
    let clock = testkit::test_clock();
    let mut shards = TempShards::with_clock(clock.clone());
    let ctx = test_ctx("flora");
    {
        let db = shards.single(PLATFORM).await;
        let (here, there) = (registry(&db), registry(&db));
        here.publish(&ctx, "job", &document("ONE").to_string()).await.unwrap();
        assert_eq!(there.active(&ctx, "job").await.unwrap().version(), 1);
        here.publish(&ctx, "job", &document("TWO").to_string()).await.unwrap();
        assert_eq!(here.active(&ctx, "job").await.unwrap().version(), 2);
        // The other one believes what it read for a moment, and then looks again.
        assert_eq!(there.active(&ctx, "job").await.unwrap().version(), 1);
        clock.advance(Options::default().active_for);
        assert_eq!(there.active(&ctx, "job").await.unwrap().version(), 2);
    }
    shards.reopen().await;
    let registry = registry(&shards.single(PLATFORM).await);
    assert_eq!(registry.active(&ctx, "job").await.unwrap().version(), 2);
    assert!(registry.get(&ctx, "job", 1).await.unwrap().document().statuses.contains_key("ONE"));
}

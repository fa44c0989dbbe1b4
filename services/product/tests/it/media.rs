//! Kept pictures, through both handles.

use kit::ErrorCode;
use product::Options;
use product_api::{GetImage, ProductClient, PutImage};
use rpc::ServiceError as _;
use testkit::anonymous_ctx;

use crate::world::{World, keeper, keeper_of, shopper};

const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>";

fn svg(text: &str) -> PutImage {
    PutImage { content_type: "image/svg+xml".into(), bytes: text.as_bytes().to_vec() }
}

#[tokio::test]
async fn pictures_are_kept_once_and_shown_to_everybody_of_the_tenant() {
    let mut world = World::new().await;
    suite(&world.local()).await;
    let remote = world.remote().await;
    let large = PutImage {
        content_type: "image/png".into(),
        bytes: [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0xff; 512 * 1024 - 8]].concat(),
    };
    let kept = remote.put_image(&keeper(), large.clone()).await.unwrap();
    let file = remote.get_image(&shopper(), GetImage { id: kept.id }).await.unwrap();
    assert_eq!(file.bytes, large.bytes, "the largest picture crosses the wire");
}

async fn suite(client: &ProductClient) {
    let kept = client.put_image(&keeper(), svg(SVG)).await.unwrap();
    assert_eq!(kept.url, format!("/media/{}", kept.id));
    assert_eq!(client.put_image(&keeper(), svg(SVG)).await.unwrap(), kept);
    let file = client.get_image(&shopper(), GetImage { id: kept.id }).await.unwrap();
    assert_eq!(
        (file.content_type.as_str(), file.bytes.as_slice()),
        ("image/svg+xml", SVG.as_bytes())
    );
    let other = anonymous_ctx("gadget");
    let e = client.get_image(&other, GetImage { id: kept.id }).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::NotFound);
    let theirs = client.put_image(&keeper_of("gadget"), svg(SVG)).await.unwrap();
    assert_ne!(theirs.id, kept.id);
    for (bad, code) in [
        (svg("<svg><script>alert(1)</script></svg>"), ErrorCode::Invalid),
        (svg("<html/>"), ErrorCode::Invalid),
        (
            PutImage { content_type: "text/html".into(), ..svg(SVG) },
            ErrorCode::UnsupportedMediaType,
        ),
        (PutImage { content_type: "image/png".into(), ..svg(SVG) }, ErrorCode::Invalid),
        (PutImage { bytes: vec![b' '; 512 * 1024 + 1], ..svg(SVG) }, ErrorCode::TooLarge),
    ] {
        let e = client.put_image(&keeper(), bad).await.unwrap_err();
        assert_eq!(e.code(), code);
    }
}

#[tokio::test]
async fn a_tenant_keeps_so_many_pictures() {
    let world = World::with(Options { images_max: 2 }).await;
    let client = world.local();
    let nth = |n: u32| svg(&format!("<svg xmlns='http://www.w3.org/2000/svg' id='i{n}'/>"));
    for n in 0..2 {
        client.put_image(&keeper(), nth(n)).await.unwrap();
    }
    let e = client.put_image(&keeper(), nth(2)).await.unwrap_err();
    assert_eq!((e.code(), e.into_fault().slug()), (ErrorCode::Conflict, "too_many"));
    client.put_image(&keeper(), nth(1)).await.unwrap();
}

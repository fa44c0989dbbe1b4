//! The OpenAPI document says what the routes do.

use http_kit::{Access, Api, openapi, routes};
use serde_json::{Value, json};

use crate::demo;

fn document() -> Value {
    serde_json::from_str(&openapi::to_json(&demo::api().finish().1).unwrap()).unwrap()
}

#[test]
fn every_operation_has_an_id_and_answers_problems() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            ids.push(operation["operationId"].as_str().unwrap());
            assert_eq!(
                operation["responses"]["default"],
                json!({ "$ref": "#/components/responses/Problem" })
            );
        }
    }
    assert_eq!(ids.len(), 6);
    ids.dedup();
    assert_eq!(ids.len(), 6);
    let content = &document["components"]["responses"]["Problem"]["content"];
    let of_409 = &document["paths"]["/v1/store/things"]["post"]["responses"]["409"]["content"];
    assert_eq!(content, of_409, "a declared error answer gets the schema too");
    assert_eq!(
        content["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    let problem = &document["components"]["schemas"]["Problem"];
    assert!(problem["properties"]["type"].is_object(), "{problem}");
    assert!(document["components"]["schemas"]["ProblemField"].is_object());
}

#[test]
fn rules_are_written_into_operations() {
    let document = document();
    let paths = &document["paths"];
    assert_eq!(paths["/v1/store/things"]["get"]["security"], json!([]));
    let create = &paths["/v1/store/things"]["post"];
    assert_eq!(create["security"], json!([{ "bearer": [] }]));
    let header = &create["parameters"][0];
    assert_eq!((&header["name"], &header["required"]), (&json!("Idempotency-Key"), &json!(true)));
    let change = &paths["/v1/admin/things/{id}"]["put"];
    assert_eq!(change["x-permission"], "things:write");
    assert_eq!(change["security"], json!([{ "bearer": ["things:write"] }]));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let limit = &paths["/v1/store/things"]["get"]["parameters"][0];
    assert_eq!((&limit["name"], &limit["in"]), (&json!("limit"), &json!("query")));
    assert_eq!(limit["schema"]["maximum"], 100);
}

#[test]
fn the_same_routes_always_give_the_same_text() {
    let text = openapi::to_json(&demo::api().finish().1).unwrap();
    for _ in 0..5 {
        assert_eq!(openapi::to_json(&demo::api().finish().1).unwrap(), text);
    }
    let mut twice = demo::api().finish().1;
    openapi::finish(&mut twice);
    assert_eq!(openapi::to_json(&twice).unwrap(), text);
}

mod other {
    use super::super::demo::Thing as Original;
    use http_kit::Json;

    #[derive(serde::Serialize, utoipa::ToSchema)]
    pub struct Thing {
        pub colour: String,
    }

    #[utoipa::path(get, path = "/v1/other", responses((status = 200, body = Thing)))]
    pub async fn show() -> Json<Thing> {
        let original = Original { name: String::new(), amount: 0 };
        Json(Thing { colour: original.name })
    }
}

#[test]
fn two_schemas_of_one_name_are_noticed() {
    assert!(demo::api().schema_conflicts().is_empty());
    let other = Api::new(()).route(Access::Public, routes!(other::show));
    assert_eq!(demo::api().merge(other).schema_conflicts(), ["Thing"]);
}

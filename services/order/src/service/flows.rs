//! The tenant's published flows, and publishing a new version. What a flow may name is decided by the
//! model; checking is the flow crate's.

use kit::FieldError;
use order_api::{Error, FlowDocument, FlowInfo, GetFlow, PublishFlow};
use rpc::{Ctx, Fault};

use super::Service;
use crate::model::{AFTER_SALE_FLOW, ORDER_FLOW};

const CODES: [&str; 2] = [ORDER_FLOW, AFTER_SALE_FLOW];

impl Service {
    pub(super) async fn published_flows(&self, ctx: &Ctx) -> Result<Vec<FlowInfo>, Error> {
        ctx.require("flows:read")?;
        let mut all = Vec::new();
        for code in CODES {
            all.extend(self.flows.list(ctx, code).await?.into_iter().map(info));
        }
        Ok(all)
    }

    pub(super) async fn published_flow(
        &self,
        ctx: &Ctx,
        req: GetFlow,
    ) -> Result<FlowDocument, Error> {
        ctx.require("flows:read")?;
        if !CODES.contains(&req.code.as_str()) {
            return Err(Fault::not_found("this flow").into());
        }
        let listed = self.flows.list(ctx, &req.code).await?;
        let found = listed.into_iter().find(|f| match req.version {
            Some(version) => f.version == version,
            None => f.active,
        });
        let found = found.ok_or_else(|| Fault::not_found("this version of the flow"))?;
        let text = self.flows.text(ctx, &req.code, found.version).await?;
        let document = serde_json::from_str(&text).map_err(Fault::internal)?;
        Ok(FlowDocument { info: info(found), document })
    }

    pub(super) async fn publish(&self, ctx: &Ctx, req: PublishFlow) -> Result<FlowInfo, Error> {
        ctx.require("flows:publish")?;
        let code = code_of(&req.document)?;
        if req.dry_run {
            let checked = self.flows.check(&code, &req.document).await.map_err(bad_flow)?;
            let published_at = self.db.clock().now();
            return Ok(FlowInfo { code, version: checked.version(), active: false, published_at });
        }
        self.flows.publish(ctx, &code, &req.document).await.map(info).map_err(bad_flow)
    }
}

/// Which flow a document is, read before it is checked, so that it is checked by the right rules.
fn code_of(document: &str) -> Result<String, Error> {
    let one =
        |pointer: &str, detail: String| Error::BadFlow(vec![FieldError::new(pointer, detail)]);
    let value: serde_json::Value =
        serde_json::from_str(document).map_err(|e| one("", format!("not JSON: {e}")))?;
    let code = value.get("code").and_then(|c| c.as_str()).unwrap_or_default();
    match CODES.iter().find(|known| **known == code) {
        Some(code) => Ok((*code).to_owned()),
        None => Err(one("/code", format!("must be one of {}", CODES.join(", ")))),
    }
}

fn bad_flow(fault: Fault) -> Error {
    if fault.code == kit::ErrorCode::Invalid && !fault.fields.is_empty() {
        return Error::BadFlow(fault.fields);
    }
    fault.into()
}

fn info(published: flow::Published) -> FlowInfo {
    FlowInfo {
        code: published.code,
        version: published.version,
        active: published.active,
        published_at: published.published_at,
    }
}

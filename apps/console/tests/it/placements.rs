//! Placements: cells with their orders, and what ids say.

use kit::{Id, Place, Placement, Placements};
use order_api::{CellCount, OrderMock};
use staff_api::Role;
use tenant_api::{TenantInfo, TenantMock};
use web::testing::Browser;

use crate::data;
use crate::world::World;

fn desk(role: Role) -> Browser {
    let placement = Placement::new(4, 8, 4, 0).unwrap();
    let tenant = TenantInfo { placements: Placements::initial(placement), ..data::tenant() };
    let orders = OrderMock::new().on_cells(move |_, _| {
        let cells = placement.cells().zip(0..);
        Ok(cells.map(|(place, n)| CellCount { place, orders: 100 + n % 3 }).collect())
    });
    let tenants = TenantMock::new().on_get(move |_, _| Ok(tenant.clone()));
    World { tenants, orders, ..World::of(role) }.desk()
}

#[tokio::test]
async fn cells_are_shown_with_their_orders_and_how_even_that_is() {
    let seen = desk(Role::ReadOnly).get("/console/placements").await;
    seen.is(200).shows("(4,8,4,0)").shows("orders_07").shows("order_04.db").shows("in 32 cells");
    seen.shows("spread evenly").shows("4 to 7").shows("cell-map");
}

#[tokio::test]
async fn an_id_says_when_where_and_by_whom_it_was_made() {
    let id = |place| Id::compose(testkit::BEGIN.millis(), place, 5, 9).unwrap().to_string();
    let mut browser = desk(Role::Owner);
    let ours = id(Place::new(6, 7).unwrap());
    let seen = browser.get(&format!("/console/placements?id=%20{ours}%20")).await;
    seen.is(200).shows("order_06.db").shows("2025-06-01").shows("Version 1").shows(&ours);
    let foreign = id(Place::new(0, 0).unwrap());
    let seen = browser.get(&format!("/console/placements?id={foreign}")).await;
    seen.is(200).shows("No version of this shop").shows("Cell 00/00");
    let late = Id::compose(testkit::BEGIN.millis() + 1, Place::ZERO, 5, 9).unwrap();
    let seen = browser.get(&format!("/console/placements?id={late}")).await;
    seen.is(200).shows("has not come yet");
    for wrong in ["x", "-1", "99999999999999999999", "%3Cb%3E"] {
        let seen = browser.get(&format!("/console/placements?id={wrong}")).await;
        seen.is(400).shows("An id is a number").hides("<b>");
    }
}

//! The logical databases of all services, opened once. Sharded ones get their cells as tenants need them.

use kit::Place;
use rpc::Fault;
use shard::{Database, Schema, Shards};

/// The platform's own database: worker numbers and published flows.
const PLATFORM: Schema = Schema {
    database: "platform",
    sets: &[shard::worker::MIGRATIONS, flow::store::MIGRATIONS],
    cell_tables: &[],
};

/// Every logical database.
#[derive(Clone)]
pub struct Databases {
    /// The platform's own.
    pub platform: Database,
    /// Of the service `tenant`.
    pub tenant: Database,
    /// Of the service `staff`.
    pub staff: Database,
    /// Of the service `member`.
    pub member: Database,
    /// Of the service `product`.
    pub product: Database,
    /// Of the service `inventory`.
    pub inventory: Database,
    /// Of the service `cart`.
    pub cart: Database,
    /// Of the service `order`, sharded.
    pub order: Database,
    /// Of the service `payment`, sharded.
    pub payment: Database,
    /// Of the service `fulfillment`, sharded.
    pub fulfillment: Database,
    /// Of the simulated card provider, which stands for a third party.
    pub test_card: Database,
}

impl Databases {
    /// Opens all of them.
    pub(super) async fn open(shards: &Shards) -> Result<Self, Fault> {
        Ok(Self {
            platform: shards.database(PLATFORM).await?,
            tenant: shards.database(tenant::SCHEMA).await?,
            staff: shards.database(staff::SCHEMA).await?,
            member: shards.database(member::SCHEMA).await?,
            product: shards.database(product::SCHEMA).await?,
            inventory: shards.database(inventory::SCHEMA).await?,
            cart: shards.database(cart::SCHEMA).await?,
            order: shards.database(order::SCHEMA).await?,
            payment: shards.database(payment::SCHEMA).await?,
            fulfillment: shards.database(fulfillment::SCHEMA).await?,
            test_card: shards.database(payment::test_card::SCHEMA).await?,
        })
    }

    /// Makes sure that some cells exist in every sharded database.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub async fn ensure_cells(&self, places: &[Place]) -> Result<(), Fault> {
        for db in [&self.order, &self.payment, &self.fulfillment] {
            db.ensure_cells(places).await?;
        }
        Ok(())
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> [&Database; 11] {
        [
            &self.platform,
            &self.tenant,
            &self.staff,
            &self.member,
            &self.product,
            &self.inventory,
            &self.cart,
            &self.order,
            &self.payment,
            &self.fulfillment,
            &self.test_card,
        ]
    }
}

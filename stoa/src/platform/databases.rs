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

/// The schemas of all logical databases, those of which others have need first.
pub(crate) const SCHEMAS: [Schema; 12] = [
    PLATFORM,
    tenant::SCHEMA,
    staff::SCHEMA,
    member::SCHEMA,
    product::SCHEMA,
    inventory::SCHEMA,
    cart::SCHEMA,
    order::SCHEMA,
    payment::SCHEMA,
    fulfillment::SCHEMA,
    search::SCHEMA,
    payment::test_card::SCHEMA,
];

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
    /// Of the service `search`.
    pub search: Database,
    /// Of the simulated card provider, which stands for a third party.
    pub test_card: Database,
}

impl Databases {
    /// The names of all that a directory can name: sharded ones with their number.
    #[must_use]
    pub fn names() -> Vec<String> {
        let numbered = |schema: &Schema| -> Vec<String> {
            if schema.is_sharded() {
                (0..kit::id::PLACES_MAX).map(|n| format!("{}_{n:02}", schema.database)).collect()
            } else {
                vec![schema.database.to_owned()]
            }
        };
        SCHEMAS.iter().flat_map(numbered).collect()
    }

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
            search: shards.database(search::SCHEMA).await?,
            test_card: shards.database(payment::test_card::SCHEMA).await?,
        })
    }

    /// The platform's own, without the others: for work on a folder on which nobody runs.
    pub(crate) async fn platform_alone(shards: &Shards) -> Result<Database, Fault> {
        shards.database(PLATFORM).await
    }

    /// Makes sure that some cells exist in every sharded database.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub async fn ensure_cells(&self, places: &[Place]) -> Result<(), Fault> {
        let sharded = [&self.order, &self.payment, &self.fulfillment];
        let ensuring = sharded.map(|db| db.ensure_cells(places));
        futures::future::try_join_all(ensuring).await?;
        Ok(())
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> [&Database; 12] {
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
            &self.search,
            &self.test_card,
        ]
    }
}

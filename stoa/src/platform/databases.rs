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
            let numbers = if schema.is_sharded() { kit::id::PLACES_MAX } else { 1 };
            (0..numbers).map(|n| schema.name_of(n)).collect()
        };
        SCHEMAS.iter().flat_map(numbered).collect()
    }

    /// Those that are not sharded.
    #[must_use]
    pub fn names_of_whole() -> Vec<&'static str> {
        SCHEMAS.iter().filter(|schema| !schema.is_sharded()).map(|schema| schema.database).collect()
    }

    /// What a name of [`Databases::names`] means: a schema, and the number of a sharded one.
    #[must_use]
    pub fn schema_of(name: &str) -> Option<(Schema, u8)> {
        let numbers = |schema: &Schema| if schema.is_sharded() { kit::id::PLACES_MAX } else { 1 };
        let all = SCHEMAS.iter().flat_map(|s| (0..numbers(s)).map(move |n| (*s, n)));
        all.into_iter().find(|(schema, n)| schema.name_of(*n) == name)
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

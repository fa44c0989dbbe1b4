//! Rows of the tables under AT: reading them under a lock, writing them, and putting them back under the condition that
//! they are what the branch left. Equality is the database's own; `NULL` is compared by `IS NULL`, because the
//! other side is always a known value.

use std::collections::BTreeMap;

use rpc::Fault;
use sea_query::{Cond, Condition, DynIden, Expr, ExprTrait as _, Order, Query};
use shard::Tx;

use crate::images::{Col, Image, Shape};
use crate::value::Value;

/// Rows in one look.
const LOOKS_MAX: usize = 64;
/// Rows in one insert, or taken away by one statement.
pub(crate) const ROWS_MAX: usize = 32;

/// A table of this transaction: its physical name and its shape.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) name: DynIden,
    pub(crate) shape: &'a Shape,
}

fn equals(col: &Col, value: &Value) -> Expr {
    match value {
        Value::Null => Expr::col(col.name.clone()).is_null(),
        value => Expr::col(col.name.clone()).eq(value.bound(col.of)),
    }
}

impl Target<'_> {
    fn is(&self, key: &[Value]) -> Condition {
        let columns = self.shape.key.iter().zip(key);
        columns.fold(Cond::all(), |all, (col, value)| all.add(equals(col, value)))
    }

    fn is_as(&self, key: &[Value], image: &Image) -> Condition {
        let columns =
            image.iter().filter_map(|(i, value)| Some((self.shape.columns.get(*i)?, value)));
        columns.fold(self.is(key), |all, (col, value)| all.add(equals(col, value)))
    }

    fn all_columns(&self) -> impl Iterator<Item = &Col> {
        self.shape.key.iter().chain(&self.shape.columns)
    }

    /// The rows of these keys, locked; by key, all columns that are not of the key.
    pub(crate) async fn lock_rows(
        &self,
        tx: &Tx,
        keys: &[Vec<Value>],
    ) -> Result<BTreeMap<Vec<Value>, Vec<Value>>, Fault> {
        let mut found = BTreeMap::new();
        for some in keys.chunks(LOOKS_MAX) {
            let any = some.iter().fold(Cond::any(), |any, key| any.add(self.is(key)));
            let mut select = Query::select();
            select
                .columns(self.all_columns().map(|c| c.name.clone()))
                .from(self.name.clone())
                .cond_where(any);
            for col in &self.shape.key {
                select.order_by(col.name.clone(), Order::Asc);
            }
            for row in tx.all(select.lock_exclusive()).await? {
                let read = |cols: &[Col]| {
                    cols.iter().map(|c| Value::read(&row, &c.name, c.of)).collect::<Result<_, _>>()
                };
                found.insert(read(&self.shape.key)?, read(&self.shape.columns)?);
            }
        }
        Ok(found)
    }

    /// Inserts whole rows; a key that is taken fails the transaction.
    pub(crate) async fn insert(&self, tx: &Tx, rows: &[(&[Value], &[Value])]) -> Result<(), Fault> {
        for some in rows.chunks(ROWS_MAX) {
            let mut insert = Query::insert();
            insert
                .into_table(self.name.clone())
                .columns(self.all_columns().map(|c| c.name.clone()));
            for (key, values) in some {
                let bound = self.all_columns().zip(key.iter().chain(values.iter()));
                insert.values_panic(bound.map(|(col, value)| value.bound(col.of).into()));
            }
            tx.exec(&insert).await?;
        }
        Ok(())
    }

    /// Changes columns of a row; how many rows that were.
    pub(crate) async fn update(&self, tx: &Tx, key: &[Value], to: &Image) -> Result<u64, Fault> {
        self.write(tx, self.is(key), to).await
    }

    /// Deletes a row; how many rows that were.
    pub(crate) async fn delete(&self, tx: &Tx, key: &[Value]) -> Result<u64, Fault> {
        let delete =
            Query::delete().from_table(self.name.clone()).cond_where(self.is(key)).to_owned();
        tx.exec(&delete).await
    }

    async fn write(&self, tx: &Tx, which: Condition, to: &Image) -> Result<u64, Fault> {
        let mut update = Query::update();
        update.table(self.name.clone()).cond_where(which);
        for (i, value) in to {
            if let Some(col) = self.shape.columns.get(*i) {
                update.value(col.name.clone(), value.bound(col.of));
            }
        }
        tx.exec(&update).await
    }

    /// Puts columns back to what they were, if they are what the branch left.
    pub(crate) async fn restore(
        &self,
        tx: &Tx,
        key: &[Value],
        before: &Image,
        after: &Image,
    ) -> Result<bool, Fault> {
        Ok(self.write(tx, self.is_as(key, after), before).await? == 1)
    }

    /// Deletes a row that the branch has inserted, if it is what the branch left.
    pub(crate) async fn remove(
        &self,
        tx: &Tx,
        key: &[Value],
        after: &Image,
    ) -> Result<bool, Fault> {
        let delete = Query::delete()
            .from_table(self.name.clone())
            .cond_where(self.is_as(key, after))
            .to_owned();
        Ok(tx.exec(&delete).await? == 1)
    }

    /// Deletes those of several rows that the branch has inserted which are what it left; how many.
    pub(crate) async fn remove_all(
        &self,
        tx: &Tx,
        rows: &[(&[Value], &Image)],
    ) -> Result<u64, Fault> {
        let any =
            rows.iter().fold(Cond::any(), |any, (key, after)| any.add(self.is_as(key, after)));
        let delete = Query::delete().from_table(self.name.clone()).cond_where(any).to_owned();
        tx.exec(&delete).await
    }

    /// Inserts a row that the branch has deleted; `false` when one of its unique keys is taken.
    pub(crate) async fn bring_back(
        &self,
        tx: &Tx,
        key: &[Value],
        before: &Image,
    ) -> Result<bool, Fault> {
        let mut insert = Query::insert();
        let columns: Vec<_> =
            before.iter().filter_map(|(i, v)| Some((self.shape.columns.get(*i)?, v))).collect();
        let all = self.shape.key.iter().zip(key).chain(columns);
        let (names, values): (Vec<_>, Vec<_>) =
            all.map(|(col, v)| (col.name.clone(), Expr::from(v.bound(col.of)))).unzip();
        insert.into_table(self.name.clone()).columns(names).values_panic(values);
        tx.insert_unique(&insert).await
    }

    /// Whether there is a row of this key that looks like this in these columns.
    pub(crate) async fn looks_like(
        &self,
        tx: &Tx,
        key: &[Value],
        image: &Image,
    ) -> Result<bool, Fault> {
        let select = Query::select()
            .expr_as(Expr::val(1_i64), "found")
            .from(self.name.clone())
            .cond_where(self.is_as(key, image))
            .to_owned();
        Ok(tx.one(&select).await?.is_some())
    }
}

//! How the vocabulary looks in an OpenAPI document. Only shapes; what they mean stands at the types.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{Currency, Cursor, Id, Limit, Money, Page, Place, TenantCode, Timestamp};

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn whole(min: i64, max: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .minimum(Some(min))
        .maximum(Some(max))
}

/// The schema of an id: digits in a string.
#[must_use]
pub fn id_schema() -> Object {
    text().pattern(Some("^(0|[1-9][0-9]{0,18})$")).description(Some("A 63-bit id.")).build()
}

macro_rules! schemas {
    ($($t:ty, $name:literal, $schema:expr;)+) => {$(
        impl PartialSchema for $t {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema))
            }
        }
        impl ToSchema for $t {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                // Money names its currency's schema; for the others this adds one that is used anyway.
                schemas.push(("Currency".to_owned(), Currency::schema()));
            }
        }
    )+};
}

schemas! {
    Id, "Id", id_schema();
    TenantCode, "TenantCode", text().pattern(Some("^[a-z][a-z0-9-]{0,30}[a-z0-9]$")).build();
    Currency, "Currency", text().pattern(Some("^[A-Z]{3}$"))
        .description(Some("ISO 4217 code.")).build();
    Timestamp, "Timestamp", text()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build();
    Cursor, "Cursor", text().max_length(Some(1_024))
        .description(Some("Opaque: a place in a list.")).build();
    Limit, "Limit", whole(1, 100).build();
    Place, "Place", ObjectBuilder::new()
        .property("db", whole(0, 31)).required("db")
        .property("table", whole(0, 31)).required("table").build();
    Money, "Money", ObjectBuilder::new()
        .property("amount", whole(-crate::money::AMOUNT_MAX, crate::money::AMOUNT_MAX)
            .description(Some("Minor units."))).required("amount")
        .property("currency", Ref::from_schema_name("Currency")).required("currency").build();
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items: Array = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).build();
        RefOr::T(Schema::Object(
            ObjectBuilder::new()
                .property("items", items)
                .required("items")
                .property("next_cursor", Ref::from_schema_name("Cursor"))
                .build(),
        ))
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("PageOf{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        schemas.push((Cursor::name().into_owned(), Cursor::schema()));
        T::schemas(schemas);
    }
}

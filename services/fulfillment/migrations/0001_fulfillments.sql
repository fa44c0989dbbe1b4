-- version: counts changes; taking it first makes the changes of one order wait for one another.
CREATE TABLE fulfillments_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    shipped BOOLEAN NOT NULL,
    delivered BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE TABLE fulfillment_lines_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    sku_id BIGINT NOT NULL,
    warehouse_id BIGINT NOT NULL,
    ordered BIGINT NOT NULL,
    shipped BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, sku_id, warehouse_id)
)

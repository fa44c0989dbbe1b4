-- Places that hold stock. Lower priority ships first.
CREATE TABLE warehouses (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    code {text:32} NOT NULL,
    name TEXT NOT NULL,
    priority BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX warehouses_code ON warehouses (tenant, code);
-- Units by sku and warehouse. A hot sku may be spread over several buckets; there is one, 0, for now.
-- The checks are the last line of defence: every statement has the same conditions itself.
CREATE TABLE stock (
    tenant {text:32} NOT NULL,
    sku_id BIGINT NOT NULL,
    warehouse_id BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    available BIGINT NOT NULL CHECK (available >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    sold BIGINT NOT NULL CHECK (sold >= 0),
    PRIMARY KEY (tenant, sku_id, warehouse_id, bucket)
);
-- One row for every change of a stock row, never changed afterwards: the columns available, reserved
-- and sold are differences, and their sums are the stock row. The rows of one change share its id.
CREATE TABLE ledger (
    tenant {text:32} NOT NULL,
    sku_id BIGINT NOT NULL,
    change_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    warehouse_id BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    kind TEXT NOT NULL,
    available BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    sold BIGINT NOT NULL,
    order_id BIGINT,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, sku_id, change_id, line_no)
);

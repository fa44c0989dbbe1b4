-- What an order holds. state: reserved, bound, sold, released.
-- expires_at and check_at stand only while it is reserved; check_at is when the expiry looks at it next.
CREATE TABLE reservations (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT,
    check_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE INDEX reservations_due ON reservations (check_at);
-- From where its units are taken.
CREATE TABLE reservation_lines (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    sku_id BIGINT NOT NULL,
    warehouse_id BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, sku_id, warehouse_id, bucket)
);

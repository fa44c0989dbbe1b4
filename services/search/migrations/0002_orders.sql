-- seq: the number of the message that was last taken; a message with a lower one changes nothing.
-- hour: when the hour began in which the order was placed.
CREATE TABLE orders (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    status {text:40} NOT NULL,
    status_label TEXT NOT NULL,
    is_final BOOLEAN NOT NULL,
    flow_version BIGINT NOT NULL,
    payment_method TEXT NOT NULL,
    title TEXT NOT NULL,
    image_url TEXT,
    units BIGINT NOT NULL,
    total BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    currency TEXT NOT NULL,
    hour BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE INDEX orders_by_time ON orders (tenant, created_at, order_id);
CREATE INDEX orders_by_status ON orders (tenant, status, created_at, order_id);
CREATE INDEX orders_by_member ON orders (tenant, member_id, created_at, order_id);
CREATE INDEX orders_running ON orders (tenant, is_final, flow_version, status);
-- The words of an order. Its lines and its recipient do not change, so they are written once. They are found in
-- the order of their lists, newest first.
CREATE TABLE order_terms (
    tenant {text:32} NOT NULL,
    term {text:40} NOT NULL,
    created_at BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    PRIMARY KEY (tenant, term, created_at, order_id)
);

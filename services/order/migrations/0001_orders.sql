CREATE TABLE orders_{t} (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    flow_version BIGINT NOT NULL,
    awaits_payment BOOLEAN NOT NULL,
    holds_stock BOOLEAN NOT NULL,
    payment_method TEXT NOT NULL,
    channel TEXT NOT NULL,
    currency TEXT NOT NULL,
    subtotal BIGINT NOT NULL,
    adjustments TEXT NOT NULL,
    shipping BIGINT NOT NULL,
    total BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    title TEXT NOT NULL,
    image_url TEXT,
    units BIGINT NOT NULL,
    parcels TEXT NOT NULL,
    address TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX orders_{t}_of_member ON orders_{t} (tenant, member_id, id);
CREATE INDEX orders_{t}_unpaid ON orders_{t} (tenant, member_id, awaits_payment)

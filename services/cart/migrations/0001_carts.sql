-- One row per cart. owner: m:<member id>, or t:<SHA-256 of the token in hex> for an anonymous one.
-- lines: JSON, [[sku id, quantity], …] in the order they were put in; at most 100, always read and
-- written as a whole. version makes a lost update impossible. Only anonymous carts expire.
CREATE TABLE carts (
    tenant {text:32} NOT NULL,
    owner {text:66} NOT NULL,
    {name:lines} TEXT NOT NULL,
    checkout_id BIGINT,
    version BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, owner)
);
CREATE INDEX carts_expiry ON carts (expires_at);
-- Orders whose lines were taken out of a cart.
CREATE TABLE consumed (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    consumed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE INDEX consumed_age ON consumed (consumed_at);

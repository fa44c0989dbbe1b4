-- open_order_id: the order while the attempt is open, else NULL; it makes the open attempt of an order one.
-- refunding: what refunds have claimed; refunded: what the provider has confirmed of it.
-- next_query_at: when the provider is asked what became of it; NULL when that is known.
CREATE TABLE payments_{t} (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    open_order_id BIGINT,
    member_id BIGINT NOT NULL,
    provider {text:64} NOT NULL,
    provider_reference {text:255},
    state TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    refunding BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    decline_reason TEXT,
    card_brand TEXT,
    card_last4 TEXT,
    next_query_at BIGINT,
    queries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX payments_{t}_open ON payments_{t} (tenant, open_order_id);
CREATE UNIQUE INDEX payments_{t}_reference ON payments_{t} (tenant, provider, provider_reference);
CREATE INDEX payments_{t}_of_order ON payments_{t} (tenant, order_id, id);
CREATE INDEX payments_{t}_due ON payments_{t} (next_query_at)

-- The book of the simulated provider, in a database of its own.
-- callback_at: when it settles and tells the shop; NULL when there is nothing to tell any more.
CREATE TABLE charges (
    tenant {text:32} NOT NULL,
    payment_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    later_outcome TEXT,
    callback_at BIGINT,
    callback_tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, payment_id)
);
CREATE INDEX charges_due ON charges (callback_at);
CREATE TABLE card_refunds (
    tenant {text:32} NOT NULL,
    refund_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, refund_id)
)

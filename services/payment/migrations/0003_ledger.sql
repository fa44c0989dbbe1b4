-- entry: `capture:ID of the payment` or `refund:ID of the refund`; amounts of refunds are negative.
CREATE TABLE ledger_{t} (
    tenant TEXT NOT NULL,
    order_id BIGINT NOT NULL,
    entry TEXT NOT NULL,
    payment_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    booked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, entry)
)

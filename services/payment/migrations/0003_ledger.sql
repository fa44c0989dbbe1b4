-- entry: `capture:ID of the payment` or `refund:ID of the refund`; amounts of refunds are negative.
CREATE TABLE ledger_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    entry {text:64} NOT NULL,
    payment_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    booked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, entry)
)

-- cause: why, in a form that makes one cause refund a payment once.
CREATE TABLE refunds_{t} (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    cause {text:64} NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    done BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX refunds_{t}_cause ON refunds_{t} (tenant, payment_id, cause);
CREATE INDEX refunds_{t}_of_order ON refunds_{t} (tenant, order_id, id)

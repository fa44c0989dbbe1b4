-- state: 0 pending, 1 done, 2 dead, 3 undecided (its global transaction has not ended).
-- blocking: an immediate message that is not done; later ones of its aggregate wait for it.
-- next_at: pending: when it is due (leased: when the lease is over); done, dead: since when.
CREATE TABLE outbox (
    tenant {text:32} NOT NULL,
    aggregate_type {text:128} NOT NULL,
    aggregate_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    cell_db BIGINT NOT NULL,
    cell_table BIGINT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    headers TEXT NOT NULL,
    xid TEXT,
    state BIGINT NOT NULL,
    blocking BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    deliver_at BIGINT,
    lease_owner TEXT,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT,
    PRIMARY KEY (tenant, aggregate_type, aggregate_id, seq)
);
CREATE INDEX outbox_due ON outbox (state, next_at);
CREATE INDEX outbox_blocking ON outbox (tenant, aggregate_type, aggregate_id, blocking, seq);

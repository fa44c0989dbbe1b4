-- state: 0 in flight, 1 done. fence tells one claim of a key from the next.
CREATE TABLE idempotency (
    tenant {text:32} NOT NULL,
    principal {text:128} NOT NULL,
    route {text:256} NOT NULL,
    idem_key {text:255} NOT NULL,
    body_hash TEXT NOT NULL,
    state BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, principal, route, idem_key)
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

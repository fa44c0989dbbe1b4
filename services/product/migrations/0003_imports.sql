-- open_key: the file's hash while the import is unfinished, so that a file has one; the id afterwards.
-- stock_sent, stock_done: messages with stock that were sent, and that the warehouse has taken.
CREATE TABLE imports (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    open_key {text:64} NOT NULL,
    file_name TEXT NOT NULL,
    products BIGINT NOT NULL,
    skip_conflicts BOOLEAN NOT NULL,
    applied BIGINT NOT NULL,
    created BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    skus BIGINT NOT NULL,
    stock_sent BIGINT NOT NULL,
    stock_done BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, open_key)
);

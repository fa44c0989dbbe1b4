-- One row per global transaction, its branches with it (JSON): registering, deciding and finishing lock this row.
-- status: 0 begin, 1 committing, 2 commit retrying, 3 committed, 4 commit failed, 5 rolling back,
-- 6 rollback retrying, 7 rolled back, 8 rollback failed.
-- next_at: when somebody should look at it if nobody has ended it by then.
CREATE TABLE txn_globals (
    xid {text:48} NOT NULL,
    status BIGINT NOT NULL,
    timed_out BOOLEAN NOT NULL,
    tenant TEXT NOT NULL,
    request_id TEXT NOT NULL,
    branches TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (xid)
);
CREATE INDEX txn_globals_next ON txn_globals (next_at);
-- row_hash: 128 bits of SHA-256 of resource, cell, table and primary key. row_text: the same for people.
CREATE TABLE txn_locks (
    row_hash {blob:16} NOT NULL,
    xid {text:48} NOT NULL,
    branch BIGINT NOT NULL,
    row_text TEXT NOT NULL,
    PRIMARY KEY (row_hash)
);
CREATE INDEX txn_locks_xid ON txn_locks (xid);
-- Who runs a timer. fence counts the owners; whoever acts compares it in the transaction of the act.
CREATE TABLE txn_leases (
    name {text:64} NOT NULL,
    owner TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);

-- How far the rows of a tenant were read again where they come from. what: products, orders. place: the cursor of the
-- next page; none before the first and when it is done.
CREATE TABLE caught_up (
    tenant {text:32} NOT NULL,
    what {text:16} NOT NULL,
    place TEXT,
    done BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, what)
);
-- version: of the order, 0 when the row is older than this column. It is compared before seq, which is 0 in rows that
-- were read again.
ALTER TABLE orders ADD COLUMN version BIGINT NOT NULL DEFAULT 0

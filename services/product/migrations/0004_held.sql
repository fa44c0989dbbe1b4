-- One row per tenant. Whoever counts a tenant's rows before adding one holds it, so that two at once do not both
-- find room for the last.
CREATE TABLE held (
    tenant {text:32} NOT NULL,
    PRIMARY KEY (tenant)
);

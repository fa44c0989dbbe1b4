-- A row per member with orders here. Placing an order takes its turn on it, so that the orders of one member are placed
-- one after the other and the limit of unpaid ones holds; placed counts them.
CREATE TABLE order_buyers_{t} (
    tenant {text:32} NOT NULL,
    member_id BIGINT NOT NULL,
    placed BIGINT NOT NULL,
    PRIMARY KEY (tenant, member_id)
)

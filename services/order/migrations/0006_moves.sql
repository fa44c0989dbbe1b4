-- moving_to: the place that the order is being copied to; nobody changes the order meanwhile.
ALTER TABLE orders_{t} ADD COLUMN moving_to BIGINT;
-- Orders that lay here and lie elsewhere now. Never deleted: their ids name this place for ever.
CREATE TABLE order_forwards_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    moved_to BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id)
)

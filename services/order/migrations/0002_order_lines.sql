CREATE TABLE order_lines_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    sku_id BIGINT NOT NULL,
    spu_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    variant TEXT NOT NULL,
    code TEXT NOT NULL,
    image_url TEXT,
    quantity BIGINT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, line_no)
)

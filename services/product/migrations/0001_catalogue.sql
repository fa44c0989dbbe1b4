-- card: JSON of what a list shows; content: JSON of the rest of a product, apart from its variants.
CREATE TABLE products (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    slug {text:100} NOT NULL,
    status {text:16} NOT NULL,
    brand_id BIGINT,
    card TEXT NOT NULL,
    content TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, slug)
);
CREATE INDEX products_by_status ON products (tenant, status, id);
CREATE INDEX products_by_brand ON products (tenant, brand_id, id);
-- Where a product is found: its categories and all above them. The status is the product's.
CREATE TABLE product_categories (
    tenant {text:32} NOT NULL,
    category_id BIGINT NOT NULL,
    spu_id BIGINT NOT NULL,
    status {text:16} NOT NULL,
    PRIMARY KEY (tenant, category_id, spu_id)
);
CREATE INDEX product_categories_by_status ON product_categories (tenant, category_id, status, spu_id);
CREATE INDEX product_categories_by_product ON product_categories (tenant, spu_id);
-- code: NULL when the merchant has no number; options and image: JSON.
CREATE TABLE skus (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    spu_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    code {text:100},
    barcode TEXT NOT NULL,
    options TEXT NOT NULL,
    weight_grams BIGINT NOT NULL,
    image TEXT,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, code)
);
CREATE INDEX skus_by_product ON skus (tenant, spu_id, position);
CREATE TABLE sku_prices (
    tenant {text:32} NOT NULL,
    sku_id BIGINT NOT NULL,
    channel {text:32} NOT NULL,
    amount BIGINT NOT NULL,
    compare_at BIGINT,
    PRIMARY KEY (tenant, sku_id, channel)
);
CREATE TABLE categories (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    parent_id BIGINT,
    slug {text:100} NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, slug)
);
CREATE TABLE brands (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    name {text:100} NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name)
);
-- Without the channel `web`, which every tenant has.
CREATE TABLE channels (
    tenant {text:32} NOT NULL,
    code {text:32} NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
);

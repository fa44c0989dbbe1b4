-- card: JSON of what a list shows of a product. price: the lowest, in minor units; -1 when there is none.
-- facets: the ids of its facet values, eight bytes each, little end first.
CREATE TABLE products (
    tenant {text:32} NOT NULL,
    spu_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    status {text:16} NOT NULL,
    price BIGINT NOT NULL,
    in_stock BOOLEAN NOT NULL,
    reduced BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    facets BLOB NOT NULL,
    card TEXT NOT NULL,
    PRIMARY KEY (tenant, spu_id)
);
CREATE INDEX products_by_status ON products (tenant, status, spu_id);
CREATE INDEX products_by_price ON products (tenant, status, price, spu_id);
-- The words of a product, and how much each counts. The weight is in the key, so that ranking reads nothing else.
CREATE TABLE product_terms (
    tenant {text:32} NOT NULL,
    term {text:40} NOT NULL,
    spu_id BIGINT NOT NULL,
    weight BIGINT NOT NULL,
    PRIMARY KEY (tenant, term, spu_id, weight)
);
CREATE INDEX product_terms_by_product ON product_terms (tenant, spu_id);
-- facet_id: a hash of kind, name and value, so that it need not be looked up.
CREATE TABLE product_facets (
    tenant {text:32} NOT NULL,
    facet_id BIGINT NOT NULL,
    spu_id BIGINT NOT NULL,
    PRIMARY KEY (tenant, facet_id, spu_id)
);
CREATE INDEX product_facets_by_product ON product_facets (tenant, spu_id);
-- What a facet's id stands for. Categories are not among them: their names are the catalogue's.
CREATE TABLE facet_values (
    tenant {text:32} NOT NULL,
    facet_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (tenant, facet_id)
);
-- spu_id: 0 while the product has not been read. seq: the number of the message that was last taken; 0 when
-- the stock was asked for.
CREATE TABLE skus (
    tenant {text:32} NOT NULL,
    sku_id BIGINT NOT NULL,
    spu_id BIGINT NOT NULL,
    available BOOLEAN NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (tenant, sku_id)
);
CREATE INDEX skus_by_product ON skus (tenant, spu_id);

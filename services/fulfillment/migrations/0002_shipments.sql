CREATE TABLE shipments_{t} (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    carrier {text:64} NOT NULL,
    tracking_number {text:64} NOT NULL,
    shipped_at BIGINT NOT NULL,
    delivered_at BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX shipments_{t}_number ON shipments_{t} (tenant, order_id, carrier, tracking_number);
CREATE TABLE shipment_lines_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    shipment_id BIGINT NOT NULL,
    sku_id BIGINT NOT NULL,
    warehouse_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (tenant, order_id, shipment_id, sku_id, warehouse_id)
);
CREATE TABLE shipment_tracking_{t} (
    tenant {text:32} NOT NULL,
    order_id BIGINT NOT NULL,
    shipment_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    location TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (tenant, order_id, shipment_id, seq)
)

-- Finds rows of which little is left.
CREATE INDEX stock_low ON stock (tenant, available, sku_id, warehouse_id);

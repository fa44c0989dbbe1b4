-- How far the orders of a cell have gone to the cells of a version of the placement.
-- after_id: all up to here were looked at in this pass; waiting: those of them that could not go yet.
CREATE TABLE order_drains (
    tenant {text:32} NOT NULL,
    cell_table BIGINT NOT NULL,
    version BIGINT NOT NULL,
    after_id BIGINT NOT NULL,
    moved BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    done BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, cell_table, version)
)

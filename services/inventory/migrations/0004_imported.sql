-- What has been set of a part of an import: so many of its levels, from the first. Written together with the
-- levels, so that a part that comes again does not bring back what was sold since.
CREATE TABLE imported (
    tenant {text:32} NOT NULL,
    import_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, import_id, part)
);

-- The tenants of this platform.
-- id: names the tenant in messages; nothing else uses it.
-- name, locales, theme: JSON. shipping_fee: minor units of the currency. version: counts changes.
CREATE TABLE tenants (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    locales TEXT NOT NULL,
    theme TEXT NOT NULL,
    shipping_fee BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- The one key of the platform that does not begin with the tenant: it is what finds the tenant of a
-- request, and a host may belong to one tenant only.
CREATE TABLE tenant_hosts (
    host {text:253} NOT NULL,
    tenant {text:32} NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (host)
);
CREATE INDEX tenant_hosts_of ON tenant_hosts (tenant, position);

-- Versions of where a tenant's users live; never deleted, because ids route for ever.
-- placement: (dbCount,tableCount,dbStart,tableStart).
CREATE TABLE tenant_placements (
    tenant {text:32} NOT NULL,
    version BIGINT NOT NULL,
    placement TEXT NOT NULL,
    hash TEXT NOT NULL,
    effective_from BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tenant, version)
);

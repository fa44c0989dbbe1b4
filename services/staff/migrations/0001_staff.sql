-- Who works for a tenant. login: as written; login_key: in lower case, what is unique.
CREATE TABLE staff (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    login TEXT NOT NULL,
    login_key {text:128} NOT NULL,
    name TEXT NOT NULL,
    role {text:32} NOT NULL,
    enabled BOOLEAN NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, login_key)
);
CREATE INDEX staff_roles ON staff (tenant, role);

-- token_hash: SHA-256 of the token, in hex; the token itself is nowhere.
CREATE TABLE staff_sessions (
    tenant {text:32} NOT NULL,
    token_hash {text:64} NOT NULL,
    staff_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, token_hash)
);
CREATE INDEX staff_sessions_of ON staff_sessions (tenant, staff_id, created_at);
CREATE INDEX staff_sessions_over ON staff_sessions (expires_at);

-- Failed attempts to sign in, for logins that exist and for others alike. login_hash: SHA-256, in hex.
CREATE TABLE staff_attempts (
    tenant {text:32} NOT NULL,
    login_hash {text:64} NOT NULL,
    failures BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL,
    locked_until BIGINT,
    PRIMARY KEY (tenant, login_hash)
);
CREATE INDEX staff_attempts_old ON staff_attempts (last_failure_at);

-- Credentials of programs. permissions: JSON. active: not revoked.
CREATE TABLE credentials (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    token_hash {text:64} NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, token_hash)
);
CREATE INDEX credentials_active ON credentials (tenant, active);

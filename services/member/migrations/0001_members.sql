-- Registered shoppers of a tenant. login: as written; login_key: in lower case, what is unique.
-- locale: NULL when they chose none. book_version: counts changes of the address book.
CREATE TABLE members (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    login TEXT NOT NULL,
    login_key {text:508} NOT NULL,
    name TEXT NOT NULL,
    locale TEXT,
    password_hash TEXT NOT NULL,
    book_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, login_key)
);

-- token_hash: SHA-256 of the token, in hex; the token itself is nowhere.
CREATE TABLE member_sessions (
    tenant {text:32} NOT NULL,
    token_hash {text:64} NOT NULL,
    member_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, token_hash)
);
CREATE INDEX member_sessions_of ON member_sessions (tenant, member_id, created_at);
CREATE INDEX member_sessions_over ON member_sessions (expires_at);

-- Failed attempts to sign in, for logins that exist and for others alike. login_hash: SHA-256, in hex.
CREATE TABLE member_attempts (
    tenant {text:32} NOT NULL,
    login_hash {text:64} NOT NULL,
    failures BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL,
    locked_until BIGINT,
    PRIMARY KEY (tenant, login_hash)
);
CREATE INDEX member_attempts_old ON member_attempts (last_failure_at);

-- Address books. address: JSON.
CREATE TABLE member_addresses (
    tenant {text:32} NOT NULL,
    member_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    is_default BOOLEAN NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (tenant, member_id, id)
);

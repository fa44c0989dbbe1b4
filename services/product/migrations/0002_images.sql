-- hash: SHA-256 of the bytes in hex, so that a picture is kept once.
CREATE TABLE images (
    tenant {text:32} NOT NULL,
    id BIGINT NOT NULL,
    hash {text:64} NOT NULL,
    content_type TEXT NOT NULL,
    bytes BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, hash)
);

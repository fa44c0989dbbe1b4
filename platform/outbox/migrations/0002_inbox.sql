-- One row per effect that has happened: message_id is `source/id of the message`.
CREATE TABLE inbox (
    tenant TEXT NOT NULL,
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    done_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, consumer, message_id)
);
CREATE INDEX inbox_done ON inbox (done_at);

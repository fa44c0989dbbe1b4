-- One row per effect that has happened: message_id is `source/id of the message`.
CREATE TABLE inbox (
    tenant {text:32} NOT NULL,
    consumer {text:128} NOT NULL,
    message_id {text:256} NOT NULL,
    done_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, consumer, message_id)
);
CREATE INDEX inbox_done ON inbox (done_at);

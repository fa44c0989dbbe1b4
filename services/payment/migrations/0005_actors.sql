-- actor: the principal who paid, collected or refunded; empty for what was there before.
ALTER TABLE payments_{t} ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE refunds_{t} ADD COLUMN actor TEXT NOT NULL DEFAULT ''

-- captured: all that was ever paid; refunded: all that went back; paid = captured - refunded.
-- awaits_payment means from here on: nothing was ever captured, the stock is held, and its flow has not ended. Orders in
-- cash that were placed before are not counted.
ALTER TABLE orders_{t} ADD COLUMN captured BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders_{t} ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0;
UPDATE orders_{t} SET captured = paid

-- The principals who sent a parcel and who said that it had arrived; empty for what was there before.
ALTER TABLE shipments_{t} ADD COLUMN shipped_by TEXT NOT NULL DEFAULT '';
ALTER TABLE shipments_{t} ADD COLUMN delivered_by TEXT NOT NULL DEFAULT ''

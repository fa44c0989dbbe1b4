-- saved: lines for later, in the form of lines; at most 100.
ALTER TABLE carts ADD COLUMN saved TEXT NOT NULL DEFAULT '[]';

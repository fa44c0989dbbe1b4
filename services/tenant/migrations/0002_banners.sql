-- What the home page shows first: JSON, a list. A theme has got a logo and fonts, which older rows lack.
ALTER TABLE tenants ADD COLUMN banners TEXT NOT NULL DEFAULT '[]';

-- A member's list from the index alone: its orders lie apart in the table, and each would be a walk down the tree.
DROP INDEX orders_{t}_of_member{of:orders};
CREATE INDEX orders_{t}_listed ON orders_{t} (tenant, member_id, id{covers:, status, flow_version, currency, total, title, image_url, units, created_at})

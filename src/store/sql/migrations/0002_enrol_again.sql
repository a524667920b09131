-- What a device joined with: asked again with the same token by the same key, the hub answers again.
ALTER TABLE devices ADD COLUMN join_token TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN join_key TEXT NOT NULL DEFAULT '';
CREATE INDEX devices_by_join ON devices (join_token, join_key);

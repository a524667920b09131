-- What a built delta is made of: a JSON array of objects {coding, new_bytes, delta_bytes}.
ALTER TABLE delta_jobs ADD COLUMN shares TEXT NOT NULL DEFAULT '[]';

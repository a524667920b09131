-- Which devices run a release: asked before the release is removed.
CREATE INDEX device_files_by_manifest ON device_files (manifest, role);

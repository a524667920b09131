-- The hub's schema: registry first, then fleet. Times are milliseconds since 1970, digests 64
-- lower-case hexadecimal characters, truth values 0 or 1, documents JSON text.
-- Runs on SQLite and PostgreSQL.

CREATE TABLE packages (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE releases (
    sequence @AUTO_ID@,
    id TEXT NOT NULL UNIQUE,
    package TEXT NOT NULL REFERENCES packages (name),
    version TEXT NOT NULL,
    variant TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('onnx', 'process', 'container')),
    entry TEXT NOT NULL,
    manifest TEXT NOT NULL UNIQUE,
    envelope TEXT NOT NULL,
    total_size BIGINT NOT NULL CHECK (total_size >= 0),
    labels TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (package, version, variant)
);

CREATE TABLE release_files (
    release_id TEXT NOT NULL REFERENCES releases (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    path TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    executable BIGINT NOT NULL CHECK (executable IN (0, 1)),
    PRIMARY KEY (release_id, position),
    UNIQUE (release_id, path)
);
CREATE INDEX release_files_by_sha256 ON release_files (sha256);

CREATE TABLE channels (
    package TEXT NOT NULL REFERENCES packages (name),
    name TEXT NOT NULL,
    release_id TEXT NOT NULL REFERENCES releases (id),
    moved_ms BIGINT NOT NULL,
    PRIMARY KEY (package, name)
);
CREATE INDEX channels_by_release ON channels (release_id);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    total_size BIGINT NOT NULL CHECK (total_size >= 0),
    received BIGINT NOT NULL CHECK (received >= 0 AND received <= total_size),
    sha256 TEXT,
    filename TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX uploads_by_expiry ON uploads (expires_ms);

CREATE TABLE delta_jobs (
    id @AUTO_ID@,
    base TEXT NOT NULL CHECK (length(base) = 64),
    target TEXT NOT NULL CHECK (length(target) = 64),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'built', 'not_worth', 'failed')),
    full_size BIGINT NOT NULL,
    delta TEXT,
    delta_size BIGINT NOT NULL DEFAULT 0,
    build_ms BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_ms BIGINT NOT NULL DEFAULT 0,
    due_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (base, target),
    CHECK (base <> target),
    CHECK (state <> 'built' OR delta IS NOT NULL)
);
CREATE INDEX delta_jobs_by_state ON delta_jobs (state, due_ms);
CREATE INDEX delta_jobs_by_delta ON delta_jobs (delta);
CREATE INDEX delta_jobs_by_target ON delta_jobs (target);

CREATE TABLE legacy_files (
    id @AUTO_ID@,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    version TEXT NOT NULL,
    filename TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    release_id TEXT REFERENCES releases (id) ON DELETE SET NULL,
    uploaded_ms BIGINT NOT NULL,
    UNIQUE (title, version)
);
CREATE INDEX legacy_files_by_sha256 ON legacy_files (sha256);
CREATE INDEX legacy_files_by_release ON legacy_files (release_id);

CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    arch TEXT NOT NULL,
    agent_version TEXT NOT NULL DEFAULT '',
    online BIGINT NOT NULL DEFAULT 0 CHECK (online IN (0, 1)),
    boot BIGINT NOT NULL DEFAULT 0,
    last_seen_ms BIGINT,
    report_boot BIGINT NOT NULL DEFAULT 0,
    report_sequence BIGINT NOT NULL DEFAULT -1,
    reported_generation BIGINT NOT NULL DEFAULT 0,
    revoked_ms BIGINT,
    enrolled_ms BIGINT NOT NULL
);
CREATE INDEX devices_by_online ON devices (online, id);

CREATE TABLE device_labels (
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    label_key TEXT NOT NULL,
    label_value TEXT NOT NULL,
    PRIMARY KEY (device_id, label_key)
);
CREATE INDEX device_labels_by_label ON device_labels (label_key, label_value, device_id);

CREATE TABLE clusters (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE cluster_members (
    cluster TEXT NOT NULL REFERENCES clusters (name) ON DELETE CASCADE,
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    PRIMARY KEY (cluster, device_id)
);
CREATE INDEX cluster_members_by_device ON cluster_members (device_id, cluster);

-- Kept after a device is gone: the revocation list needs them until they end.
CREATE TABLE device_certificates (
    serial TEXT PRIMARY KEY,
    device_id TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    not_after_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE INDEX device_certificates_by_device ON device_certificates (device_id, issued_ms);
CREATE INDEX device_certificates_revoked ON device_certificates (revoked_ms);

-- Deleted or revoked devices: their retained messages are to be cleared, and a later device of the
-- same id must not start at a lower generation.
CREATE TABLE retired_devices (
    id TEXT PRIMARY KEY,
    generation BIGINT NOT NULL,
    cleared BIGINT NOT NULL DEFAULT 0 CHECK (cleared IN (0, 1))
);
CREATE INDEX retired_devices_by_cleared ON retired_devices (cleared, id);

CREATE TABLE deployments (
    sequence @AUTO_ID@,
    id TEXT NOT NULL UNIQUE,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    variant TEXT NOT NULL,
    release_id TEXT REFERENCES releases (id) ON DELETE SET NULL,
    manifest TEXT NOT NULL,
    slot TEXT NOT NULL,
    channel TEXT NOT NULL,
    follow BIGINT NOT NULL CHECK (follow IN (0, 1)),
    standing BIGINT NOT NULL CHECK (standing IN (0, 1)),
    selector TEXT NOT NULL,
    policy TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled', 'superseded')),
    created_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    rollback_of TEXT NOT NULL,
    pending BIGINT NOT NULL DEFAULT 0,
    updating BIGINT NOT NULL DEFAULT 0,
    active BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    cancelled BIGINT NOT NULL DEFAULT 0,
    superseded BIGINT NOT NULL DEFAULT 0,
    bytes_full BIGINT NOT NULL DEFAULT 0,
    bytes_received BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX deployments_by_state ON deployments (state, sequence);
CREATE INDEX deployments_by_standing ON deployments (standing, sequence);
CREATE INDEX deployments_by_channel ON deployments (package, channel, follow);
CREATE INDEX deployments_by_release ON deployments (release_id);
CREATE INDEX deployments_by_slot ON deployments (slot, sequence);

-- One device's part in a deployment. Outlives the device: it is history.
CREATE TABLE deployment_devices (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    device_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'updating', 'active', 'refused', 'failed',
                                         'cancelled', 'superseded')),
    stage TEXT NOT NULL DEFAULT '',
    progress DOUBLE PRECISION NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    from_version TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL,
    before_deployment TEXT REFERENCES deployments (id),
    bytes_full BIGINT NOT NULL DEFAULT 0,
    bytes_received BIGINT NOT NULL DEFAULT 0,
    deltas BIGINT NOT NULL DEFAULT 0,
    fulls BIGINT NOT NULL DEFAULT 0,
    delta_fallbacks BIGINT NOT NULL DEFAULT 0,
    duration_ms BIGINT NOT NULL DEFAULT 0,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (deployment_id, device_id)
);
CREATE INDEX deployment_devices_by_device ON deployment_devices (device_id, slot, state);
CREATE INDEX deployment_devices_by_before ON deployment_devices (before_deployment);

-- What each slot of each device shall hold now. The release may not vanish under it.
CREATE TABLE device_slots (
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    release_id TEXT NOT NULL REFERENCES releases (id),
    PRIMARY KEY (device_id, slot)
);
CREATE INDEX device_slots_by_deployment ON device_slots (deployment_id, device_id);
CREATE INDEX device_slots_by_release ON device_slots (release_id);

-- The signed form of it, per device.
CREATE TABLE device_desired (
    device_id TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    content TEXT NOT NULL,
    digest TEXT NOT NULL,
    envelope TEXT NOT NULL,
    published BIGINT NOT NULL DEFAULT 0,
    unpublished BIGINT NOT NULL DEFAULT 1 CHECK (unpublished IN (0, 1))
);
CREATE INDEX device_desired_unpublished ON device_desired (unpublished, device_id);

-- The newest report, and what was last worth telling about it.
CREATE TABLE device_reports (
    device_id TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    report TEXT NOT NULL,
    files_key TEXT NOT NULL,
    status_key TEXT NOT NULL
);

-- Files that devices proved to hold, taken from their reports: the bases of deltas.
CREATE TABLE device_files (
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('active', 'previous')),
    path TEXT NOT NULL,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    manifest TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (device_id, slot, role, path)
);

CREATE TABLE join_tokens (
    sequence @AUTO_ID@,
    id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    uses BIGINT NOT NULL CHECK (uses > 0),
    used BIGINT NOT NULL DEFAULT 0 CHECK (used >= 0 AND used <= uses),
    labels TEXT NOT NULL,
    cluster TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE TABLE operator_tokens (
    sequence @AUTO_ID@,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    secret_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT
);

CREATE TABLE audit_log (
    id @AUTO_ID@,
    time_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    address TEXT NOT NULL
);

-- Cursors come from `counters` inside the writing transaction, not from a self-numbering column:
-- only so is the order of cursors the order of commits, and a reader never skips an event.
CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    time_ms BIGINT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (time_ms);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('event', 0), ('crl', 0);

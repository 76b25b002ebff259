-- The rows stay small, so that a search reads little; the long texts are in backup_texts. "search" is what a search
-- looks into, made once at writing: at reading it would take three times as long.
CREATE TABLE backups (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	vault TEXT NOT NULL,
	file TEXT NOT NULL,
	backup_id TEXT,
	type TEXT NOT NULL,
	backup_type TEXT NOT NULL,
	container_name TEXT,
	container_id TEXT,
	server_name TEXT,
	image TEXT,
	stack TEXT,
	format TEXT,
	compression TEXT,
	consistency TEXT,
	note TEXT,
	sha256 TEXT,
	size INTEGER NOT NULL,
	content_size INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL,
	modified_ms INTEGER NOT NULL DEFAULT 0,
	companion_ms INTEGER NOT NULL DEFAULT 0,
	verified_ms INTEGER NOT NULL DEFAULT 0,
	verify_state TEXT NOT NULL DEFAULT 'unknown',
	verify_error TEXT,
	drilled_ms INTEGER NOT NULL DEFAULT 0,
	drill_state TEXT NOT NULL DEFAULT 'unknown',
	warning_count INTEGER NOT NULL DEFAULT 0,
	has_manifest INTEGER NOT NULL DEFAULT 0,
	locked INTEGER NOT NULL DEFAULT 0,
	search TEXT GENERATED ALWAYS AS (lower(file || char(10) || coalesce(container_name, '') || char(10) ||
		coalesce(image, '') || char(10) || coalesce(stack, '') || char(10) ||
		coalesce(server_name, 'Unknown Server') || char(10) || coalesce(note, ''))) STORED,
	UNIQUE (file, vault)
) STRICT;
-- A page of the vault, sorted by any column, is read straight off one of these.
CREATE INDEX backups_file ON backups (file COLLATE NOCASE, id);
CREATE INDEX backups_container ON backups (container_name COLLATE NOCASE, id);
CREATE INDEX backups_server ON backups (server_name COLLATE NOCASE, id);
CREATE INDEX backups_image ON backups (image COLLATE NOCASE, id);
CREATE INDEX backups_stack ON backups (stack COLLATE NOCASE, id);
CREATE INDEX backups_type ON backups (type, id);
CREATE INDEX backups_backup_type ON backups (backup_type, id);
CREATE INDEX backups_vault ON backups (vault, id);
CREATE INDEX backups_format ON backups (format, id);
CREATE INDEX backups_size ON backups (size, id);
CREATE INDEX backups_created ON backups (created_ms, id);
CREATE INDEX backups_verified ON backups (verified_ms, id);
CREATE INDEX backups_drilled ON backups (drilled_ms, id);
CREATE INDEX backups_warnings ON backups (warning_count, id);
CREATE INDEX backups_verify_state ON backups (verify_state);
CREATE INDEX backups_drill_state ON backups (drill_state);
-- The newest of each container.
CREATE INDEX backups_newest ON backups (container_name, created_ms) WHERE type = 'container';

CREATE TABLE backup_texts (
	id INTEGER PRIMARY KEY REFERENCES backups (id) ON DELETE CASCADE,
	parts TEXT,
	warnings TEXT
) STRICT;

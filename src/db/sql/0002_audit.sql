CREATE TABLE audit (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms INTEGER NOT NULL,
	operation TEXT NOT NULL,
	status TEXT NOT NULL,
	container_id TEXT,
	container_name TEXT,
	backup_filename TEXT,
	error TEXT,
	user TEXT,
	address TEXT,
	details TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at_ms);
CREATE INDEX audit_operation ON audit (operation, status);
CREATE INDEX audit_status ON audit (status);
CREATE INDEX audit_container ON audit (container_id);

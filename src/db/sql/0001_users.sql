-- Who may log in, who is logged in, and what the pages remember.
CREATE TABLE users (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE,
	role TEXT NOT NULL CHECK (role IN ('admin', 'developer', 'viewer')),
	password TEXT NOT NULL, -- argon2id, with its parameters and salt
	is_default INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL,
	password_ms INTEGER NOT NULL,
	login_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

-- hash: SHA-256 of the token in the cookie. AUTOINCREMENT: an id that was once used never means another session.
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	hash BLOB NOT NULL UNIQUE,
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	csrf BLOB NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	address TEXT NOT NULL DEFAULT '',
	agent TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_ms);

CREATE TABLE flashes (
	id INTEGER PRIMARY KEY,
	session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	text TEXT NOT NULL
) STRICT;
CREATE INDEX flashes_session ON flashes (session_id, id);

CREATE TABLE tokens (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	hash BLOB NOT NULL UNIQUE,
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	hint TEXT NOT NULL,
	role TEXT NOT NULL CHECK (role IN ('admin', 'developer', 'viewer')),
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL DEFAULT 0,
	used_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id);

-- One row for an address or a (hashed) name that tried to log in lately.
CREATE TABLE login_limits (
	key TEXT PRIMARY KEY,
	window_ms INTEGER NOT NULL, -- when the minute began
	tries INTEGER NOT NULL,
	strikes INTEGER NOT NULL DEFAULT 0, -- how often it was refused in a row
	blocked_ms INTEGER NOT NULL DEFAULT 0, -- refused until then
	seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_limits_seen ON login_limits (seen_ms);

-- area: 'ui' (texts of the page) or 'program' (JSON documents).
CREATE TABLE settings (
	area TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	updated_ms INTEGER NOT NULL,
	PRIMARY KEY (area, key)
) STRICT, WITHOUT ROWID;

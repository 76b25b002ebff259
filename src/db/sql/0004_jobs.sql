-- The queue. Claims are decided by owner and fence: see src/jobs/claim.h.
CREATE TABLE jobs (
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL,
	lane TEXT NOT NULL,
	host TEXT NOT NULL,
	lock TEXT,
	state TEXT NOT NULL,
	subject TEXT,
	title TEXT NOT NULL,
	user TEXT,
	params TEXT,
	result TEXT,
	warnings TEXT,
	created_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL DEFAULT 0,
	finished_ms INTEGER NOT NULL DEFAULT 0,
	updated_ms INTEGER NOT NULL,
	version INTEGER NOT NULL DEFAULT 1,
	step INTEGER NOT NULL DEFAULT 0,
	step_total INTEGER NOT NULL DEFAULT 0,
	step_text TEXT,
	bytes_done INTEGER NOT NULL DEFAULT 0,
	bytes_total INTEGER NOT NULL DEFAULT 0,
	bytes_per_second INTEGER NOT NULL DEFAULT 0,
	seconds_left INTEGER NOT NULL DEFAULT -1,
	error_text TEXT,
	error_code TEXT,
	owner TEXT,
	fence INTEGER NOT NULL DEFAULT 0,
	lease_ms INTEGER NOT NULL DEFAULT 0,
	cancel INTEGER NOT NULL DEFAULT 0,
	attempt INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_state ON jobs (state, number);
CREATE INDEX jobs_kind ON jobs (kind, number);

CREATE TABLE journal (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	job_id TEXT,
	kind TEXT NOT NULL,
	container_id TEXT,
	name TEXT,
	data TEXT,
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
	error TEXT,
	tries INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL,
	closed_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX journal_open ON journal (id) WHERE state = 'open';
CREATE INDEX journal_closed ON journal (closed_ms) WHERE state = 'closed';

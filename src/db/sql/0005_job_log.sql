-- What a job went through, line by line: see src/jobs/job_log.h.
CREATE TABLE job_log (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
	ms INTEGER NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('step', 'warning', 'error')),
	text TEXT NOT NULL
) STRICT;
CREATE INDEX job_log_job ON job_log (job, id);

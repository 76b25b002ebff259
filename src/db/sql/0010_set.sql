-- Which stack backup a backup is a member of, its place in there, and how many were made.
ALTER TABLE backups ADD COLUMN set_id TEXT;
ALTER TABLE backups ADD COLUMN set_index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backups ADD COLUMN set_count INTEGER NOT NULL DEFAULT 0;
CREATE INDEX backups_set ON backups (set_id, set_index) WHERE set_id IS NOT NULL;

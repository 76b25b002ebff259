-- How the last drill of a backup went: why it failed, how long it took, and the end of what the container said.
ALTER TABLE backups ADD COLUMN drill_error TEXT;
ALTER TABLE backups ADD COLUMN drill_duration_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backup_texts ADD COLUMN drill_log TEXT;

-- When a listed backup was found missing in its vault; 0: it is there.
ALTER TABLE backups ADD COLUMN missing_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX backups_missing ON backups (missing_ms) WHERE missing_ms > 0;
-- Read to the end, but without hashes to compare with: that is not "ok".
UPDATE backups SET verify_state = 'readable' WHERE verify_state = 'ok' AND has_manifest = 0;

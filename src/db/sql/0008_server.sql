-- The servers that backups come from, for the filter of the vault.
CREATE INDEX backups_server_name ON backups (server_name);

-- How long what was done took, and for jobs the address of who asked.
ALTER TABLE audit ADD COLUMN duration_ms INTEGER;
UPDATE audit SET duration_ms = json_extract(details, '$.duration_ms')
	WHERE json_valid(details) AND typeof(json_extract(details, '$.duration_ms')) = 'integer';
CREATE INDEX audit_container_name ON audit (container_name);
ALTER TABLE jobs ADD COLUMN address TEXT;

-- What the engine said happened, for the page of events. An event is told again after a reconnect: it is kept once.
CREATE TABLE events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	time_nano INTEGER NOT NULL,
	type TEXT NOT NULL,
	action TEXT NOT NULL,
	object_id TEXT NOT NULL,
	name TEXT NOT NULL,
	scope TEXT NOT NULL,
	attributes TEXT NOT NULL,
	UNIQUE (time_nano, type, action, object_id)
);
CREATE INDEX events_action ON events (type, action);

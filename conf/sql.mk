# The migrations of src/db/sql (NNNN_name.sql, numbered from 0001 without holes) become C strings of one header.
SQL_FILES := $(sort $(wildcard src/db/sql/[0-9]*.sql))
SQL_HEADER := $(B)/gen/db_migrations.h
GENERATED += $(SQL_HEADER)

$(SQL_HEADER): $(SQL_FILES) conf/sql.awk
	@mkdir -p $(@D)
	awk -f conf/sql.awk $(SQL_FILES) >$@

# Turns migrations into the rows of a C table: { number, "name", "text" }, one row a file.
function finish() { if (open) print "\t}," }
BEGIN { print "/* Made from src/db/sql by conf/sql.awk. */" }
FNR == 1 {
	finish()
	open = 1
	base = FILENAME
	sub(/.*\//, "", base)
	sub(/\.sql$/, "", base)
	if (base !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/) {
		print FILENAME ": a migration is named NNNN_name.sql" >"/dev/stderr"
		exit 1
	}
	number = substr(base, 1, 4) + 0
	if (number != ++expected) {
		print FILENAME ": number " expected " was expected" >"/dev/stderr"
		exit 1
	}
	printf "\t{ %d, \"%s\",\n", number, substr(base, 6)
}
{
	line = $0
	sub(/^[ \t]*--.*/, "", line)
	if (line == "") next
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "\\t", line)
	printf "\t\t\"%s\\n\"\n", line
}
END { finish() }

#!/bin/bash
# tsan_app.sh PROGRAM TEST…: runs tests with a program built with SAN=thread. Fails when a test fails, and when the program
# reported a race, which is shown.
set -u
program=$(realpath "${1:?program}")
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Workers are another user.
chmod 1777 "$dir"
cat >"$dir/program" <<END
#!/bin/bash
TSAN_OPTIONS="log_path=$dir/race exitcode=0" exec "$program" "\$@"
END
chmod 755 "$dir/program"
bad=0
for t in "$@"; do CM_BINARY=$dir/program node --test-reporter=tap "$t" || bad=1; done
for f in "$dir"/race.*; do
	[ ! -e "$f" ] || { cat "$f"; bad=1; }
done
[ "$bad" -eq 0 ] && echo "ok - no races" || echo "not ok - no races"
exit $bad

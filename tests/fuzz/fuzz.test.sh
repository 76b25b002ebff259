#!/bin/bash
# Runs every fuzzer for FUZZ_SECONDS (20, with TEST_LONG=1 300), two at a time, from the seeds in tests/fuzz/seeds/<name> when there are any.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
seconds=${FUZZ_SECONDS:-$([ -n "${TEST_LONG:-}" ] && echo 300 || echo 20)}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1

one() {
	local program=$1 name
	name=$(basename "$program")
	mkdir -p "$out/$name"
	local seeds=()
	[ -d "tests/fuzz/seeds/$name" ] && seeds=("tests/fuzz/seeds/$name")
	if nice -n 10 "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$out/$name.crash." \
		-print_final_stats=1 "$out/$name" ${seeds[@]+"${seeds[@]}"} >"$out/$name.log" 2>&1; then
		echo "ok - $name, $(grep -oE 'number_of_executed_units: [0-9]+' "$out/$name.log" | grep -oE '[0-9]+') inputs"
	else
		echo "not ok - $name"
		tail -n 40 "$out/$name.log" | sed 's/^/# /'
		for f in "$out/$name".crash.*; do [ -f "$f" ] && echo "# input: $(base64 -w0 "$f")"; done
	fi
}
for program in "$B"/fuzz/fuzzers/fuzz_*; do
	[ -x "$program" ] && [[ $program != *.d ]] || continue
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
	one "$program" &
done
wait

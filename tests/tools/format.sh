#!/bin/bash
# format.sh: clang-format agrees with every source file. `tests/tools/format.sh fix` mends them.
set -u
cd "$(dirname "$0")/../.." || exit 2
mapfile -t files < <(find src tests/unit tests/fuzz tests/contract tests/tools -name '*.[ch]')
if [ "${1:-}" = fix ]; then
	clang-format -i "${files[@]}"
	exit
fi
if clang-format --dry-run --Werror "${files[@]}"; then
	echo "ok - clang-format agrees"
else
	echo "not ok - clang-format: run tests/tools/format.sh fix"
	exit 1
fi

#!/bin/bash
# lint.sh: cppcheck over the whole tree; clang-tidy over what changed since the last commit, or over all with "all".
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
bad=0
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingInclude \
	--suppress=nullPointerOutOfMemory --suppress=unknownMacro -Isrc -D__GNUC__ -j2 src || bad=1
if [ "${1:-}" = all ]; then
	mapfile -t files < <(find src -name '*.c' ! -name 'kore_*' ! -name main.c)
else
	mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- 'src/*.c' | grep -vE 'kore_|main\.c')
fi
[ "${#files[@]}" -eq 0 ] || printf '%s\n' "${files[@]}" | xargs -P2 -n4 clang-tidy --quiet --warnings-as-errors='*' \
	--checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling' \
	-- 2>/dev/null -std=gnu17 -D_GNU_SOURCE -DCM_VERSION='""' -Isrc -I"$B/gen" || bad=1
[ "$bad" -eq 0 ] && echo "ok - lint" || echo "not ok - lint"
exit $bad

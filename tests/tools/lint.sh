#!/bin/bash
# lint.sh: cppcheck over the whole tree; clang-tidy over what changed since the last commit, or over all with "all".
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
bad=0
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingInclude \
	--suppress=nullPointerOutOfMemory --suppress=unknownMacro --suppress=syntaxError:src/web/kore_stream.c --suppress=internalAstError:src/web/kore_setup.c -Isrc -D__GNUC__ -j2 src || bad=1
if [ "${1:-}" = all ]; then
	mapfile -t files < <(find src -name '*.c' ! -name 'kore_*' ! -name main.c)
else
	mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- 'src/*.c' | grep -vE 'kore_|main\.c')
fi
checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier,-bugprone-implicit-widening-of-multiplication-result,-bugprone-not-null-terminated-result'
checks="$checks,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
export B checks
# One file a call: clang-tidy 14 mistakes va_list when it is given several.
[ "${#files[@]}" -eq 0 ] || printf '%s\n' "${files[@]}" | xargs -P2 -I{} sh -c 'clang-tidy --quiet --warnings-as-errors="*" \
	--checks="$checks" {} -- -std=gnu17 -D_GNU_SOURCE -DCM_VERSION=\"\" -Isrc -I"$B/gen" 2>/dev/null' || bad=1
[ "$bad" -eq 0 ] && echo "ok - lint" || echo "not ok - lint"
exit $bad

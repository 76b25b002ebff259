#!/bin/bash
# law.sh: the rules of the source tree that a compiler does not know. Prints each breach; status 1 when there is one.
#  - who may include whom, and who may see which library
#  - unique base names; headers compile alone
#  - at most 800 lines a file and 100 lines a function
#  - no forbidden call, no raw output in templates
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0
say() { echo "$*"; bad=1; }

declare -A may=(
	[core]="core"
	[db]="core db"
	[docker]="core docker"
	[archive]="core archive"
	[notify]="core notify"
	[vault]="core archive vault"
	[service]="core db docker archive vault notify service"
	[jobs]="core db service jobs"
	[web]="core db service jobs web"
	[helper]="core archive helper"
)
while IFS=: read -r file included; do
	area=${file#src/}
	area=${area%%/*}
	[ "$area" = main.c ] && continue
	to=${included%%/*}
	case " ${may[$area]} " in
	*" $to "*) ;;
	*) say "$file: $area may not include $included" ;;
	esac
done < <(grep -roE '^#include "[a-z]+/[^"]+"' src --include='*.[ch]' | sed -E 's/#include "([^"]+)"/\1/')

library() { # HEADER-PATTERN ALLOWED-PATTERN
	grep -rlE "^#include <($1)" src --include='*.[ch]' | grep -vE "^src/($2)" | while read -r f; do echo "$f: may not see <$1>"; done
}
out=$(
	library 'sqlite3\.h' 'db/'
	library 'curl/' '(docker|vault|notify)/'
	library 'archive(_entry)?\.h' 'archive/'
	library 'kore/' '(web/kore_|main\.c)'
)
[ -z "$out" ] || say "$out"

twice=$(find src -name '*.c' -printf '%f\n' | sort | uniq -d)
[ -z "$twice" ] || say "base names used twice: $twice"

while read -r n f; do
	[ "$n" -le 800 ] || say "$f: $n lines, at most 800"
done < <(find src \( -name '*.c' -o -name '*.h' \) -exec wc -l {} + | grep -v ' total$')

long=$(find src -name '*.c' -exec awk '
	FNR == 1 { start = 0 }
	/^[a-zA-Z_].*\)$/ || /^    .*\)$/ { head = $0 }
	/^{$/ { start = FNR; name = head }
	/^}$/ { if (start && FNR - start > 100) print FILENAME ": " FNR - start " lines in " name; start = 0 }' {} +)
[ -z "$long" ] || say "$long"

calls=$(grep -rnwE '(strcpy|strcat|sprintf|vsprintf|gets|system|popen|strtok|tmpnam|mktemp|alloca|atoi|atol|atoll)\(' src --include='*.[ch]' | grep -v '^\S*:[0-9]*:\s*\*')
[ -z "$calls" ] || say "forbidden calls:
$calls"
raw=$(grep -rn '{{{\|{{&' templates 2>/dev/null)
[ -z "$raw" ] || say "unescaped output in templates:
$raw"
inline=$(grep -rnE '(style=|onclick=|onload=|onsubmit=|<script>|<style>|javascript:)' templates 2>/dev/null)
[ -z "$inline" ] || say "inline script or style in templates:
$inline"

for h in $(find src -name '*.h' ! -path 'src/web/kore_*'); do
	gcc -x c -std=gnu17 -D_GNU_SOURCE -Isrc -I"${B:-build}/gen" -fsyntax-only "$h" 2>/dev/null || say "$h: does not compile alone"
done
[ "$bad" -eq 0 ] && echo "ok - the rules of the source tree hold"
exit $bad

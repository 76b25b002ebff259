#!/bin/sh
# embed.sh OUT TEMPLATES ASSETS HELPER: writes a C file that holds every template, every asset and the helper program
# (src/web/embed.h says how they are found). The bytes come in by the assembler, so that it compiles in no time.
set -eu
LC_ALL=C
export LC_ALL
out=$1 templates=$2 assets=$3 helper=$4
number=0

blob() { # SYMBOL FILE [GLOBAL]
	printf '__asm__(".section .rodata\\n.balign 16\\n%s%s:\\n.incbin \\"%s\\"\\n.byte 0\\n.previous\\n");\n' \
		"${3:+.globl $1\\n}" "$1" "$2"
}

# One table: reads lines "NAME FILE" and writes the bytes and the rows.
table() { # TABLE
	rows=
	count=0
	while read -r name file; do
		case $name$file in
		*[!A-Za-z0-9_./-]*) echo "embed.sh: the name $name has characters that are not allowed" >&2 && exit 1 ;;
		esac
		number=$((number + 1))
		blob "cm_embed_$number" "$file"
		echo "extern const unsigned char cm_embed_$number[];"
		rows="$rows	{ \"$name\", cm_embed_$number, $(wc -c <"$file") },
"
		count=$((count + 1))
	done
	[ "$count" -gt 0 ] || { echo "embed.sh: nothing for $1" >&2 && exit 1; }
	printf 'static const struct cm_embed_file %s[] = {\n%s};\n' "$1" "$rows"
}

{
	echo '/* Made by conf/embed.sh. */'
	echo '#include "web/embed.h"'
	find "$templates" -name '*.mustache' | sort | sed "s|^$templates/\(.*\)\.mustache\$|\1 &|" >"$out.list"
	table templates <"$out.list"
	find "$assets" -maxdepth 1 -type f ! -name assets.txt | sort | sed "s|^$assets/\(.*\)\$|\1 &|" >"$out.list"
	number=100000
	table assets <"$out.list"
	blob cm_helper_elf "$helper" global
	echo "const size_t cm_helper_elf_len = $(wc -c <"$helper");"
	cat <<'END'
const struct cm_embedded cm_embedded = {
	templates, sizeof(templates) / sizeof(templates[0]), assets, sizeof(assets) / sizeof(assets[0]),
};
END
} >"$out.partial"
rm -f "$out.list"
mv "$out.partial" "$out"

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# fetch.sh VERSION FOLDER: puts the sources of Kore, as Debian's package of that version carries them, into
# FOLDER/tree. Debian 12's own Kore cannot do TLS with OpenSSL 3, so the package comes from Debian unstable: through an
# apt configuration of its own inside FOLDER (own lists, own cache), from the mirror this machine uses already. The
# machine's sources and packages stay untouched. apt checks the signature of the index and the hash of the package.
# Without a network: KORE_DEB=/path/to/kore_VERSION_ARCH.deb.
set -euo pipefail
version=${1:?version}
mkdir -p "${2:?folder}"
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."

die() {
	echo "fetch.sh: $*" >&2
	exit 1
}

unpack() { # DEB
	rm -rf "$folder/deb" "$folder/tree"
	dpkg-deb -x "$1" "$folder/deb"
	[ -f "$folder/deb/usr/share/kore/src/kore.c" ] || die "$1 carries no sources of Kore"
	mv "$folder/deb/usr/share/kore" "$folder/tree"
	install -m 644 "$folder/deb/usr/share/doc/kore/copyright" "$folder/tree/LICENSE.debian"
	rm -rf "$folder/deb"
	[ "$(cat "$folder/tree/RELEASE")" = "${version%-*}" ] || die "$1 is not Kore ${version%-*}"
}

if [ -n "${KORE_DEB:-}" ]; then
	[ -f "$KORE_DEB" ] || die "KORE_DEB names no file: $KORE_DEB"
	unpack "$KORE_DEB"
	exit 0
fi

apt=$folder/apt
rm -rf "$apt"
fetch() {
	conf/private-apt.sh "$apt" deb sid "$@"
}
if ! fetch download "kore=$version"; then
	there=$(fetch madison kore | awk '{ print $3 }' | sort -u | tr '\n' ' ')
	die "Debian unstable has kore ${there:-no more}, and this program is made for $version (4.2.3-1 and 4.2.3-2 work).
Give one of these as KORE_DEB=/path/to/kore_${version}_<arch>.deb, or set KORE_VERSION and see whether the patches fit."
fi
unpack "$apt"/kore_*.deb
rm -rf "$apt"

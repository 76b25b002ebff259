#!/bin/bash
# deps.sh SET…: installs the Debian packages of these sets that are missing. Sets: build, test, bench. Quick when all are
# there.
set -eu
build="gcc make binutils libc6-dev libssl-dev libsqlite3-dev libarchive-dev libcurl4-openssl-dev libjson-c-dev
libsodium-dev libzstd-dev libisal-dev libacl1-dev libattr1-dev zlib1g-dev libbz2-dev liblzma-dev liblz4-dev
nettle-dev libxml2-dev nasm dpkg-dev patch gzip nodejs npm ca-certificates gawk"
test="clang libclang-rt-14-dev clang-format clang-tidy cppcheck docker.io iptables busybox-static debootstrap chromium
sqlite3 openssl curl acl attr libcap2-bin e2fsprogs zstd python3 git procps haproxy iproute2 util-linux docker-compose docker-registry"
bench="isal zstd restic borgbackup perl-base wrk"

names=
for set in "$@"; do
	case $set in
	build) names="$names $build" ;;
	test) names="$names $test" ;;
	bench) names="$names $bench" ;;
	*) echo "usage: $0 [build] [test] [bench]" >&2; exit 2 ;;
	esac
done
missing=
for name in $names; do
	# A newer node than Debian's brings npm along, and both count by their commands.
	case $name in
	nodejs) command -v node >/dev/null && continue ;;
	npm) command -v npm >/dev/null && continue ;;
	docker.io) command -v dockerd >/dev/null && command -v docker >/dev/null && continue ;;
	esac
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

become=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null; then
		become=sudo
	else
		echo "These Debian packages are missing; install them as root, then try again:" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $become apt-get update -q && $become apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
	echo "deps.sh: apt-get failed:" >&2
	tail -n 15 "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"

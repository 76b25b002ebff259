#!/bin/bash
# images.sh: the images that tests run on, made from Debian's packages alone, without an image registry:
#   busybox:local         one static binary with all its names
#   debian:bookworm-slim  a minimal system, so that the project's own Dockerfile builds (only with argument "debian")
set -eu
have() { docker image inspect "$1" >/dev/null 2>&1; }
apt() { DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if ! have busybox:local; then
	command -v busybox >/dev/null || apt busybox-static
	mkdir -p "$tmp"/busybox/{bin,tmp,etc}
	cp "$(command -v busybox)" "$tmp/busybox/bin/busybox"
	for name in $("$tmp/busybox/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -sf busybox "$tmp/busybox/bin/$name"
	done
	tar -C "$tmp/busybox" -c . | docker import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' - busybox:local >/dev/null
fi
if [ "${1:-}" = debian ] && ! have debian:bookworm-slim; then
	command -v debootstrap >/dev/null || apt debootstrap
	debootstrap --variant=minbase --include=ca-certificates bookworm "$tmp/debian" >/dev/null
	rm -rf "$tmp"/debian/var/cache/apt/archives/*.deb "$tmp"/debian/var/lib/apt/lists/*
	tar -C "$tmp/debian" -c . | docker import -c 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
fi

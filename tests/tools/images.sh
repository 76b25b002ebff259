#!/bin/bash
# images.sh [NAME…]: the images that tests run on, made from Debian's packages alone, without an image registry:
#   busybox   busybox:local, one static binary with all its names; always made
#   debian    debian:bookworm-slim, a minimal system, so that the project's own Dockerfile builds
#   postgres  postgres:local, PostgreSQL 15 with contrib, pgbench and pg_amcheck: a new cluster in an empty volume at
#             /var/lib/postgresql/data, superuser postgres without a password, port 5432
#   redis     redis:local, Redis 7 with an append-only file in a volume at /data, port 6379
# Making them needs no engine: each is kept as NAME.tar in CM_IMAGES (build/images) and loaded into the engine that answers,
# if it has none of that name. So engines without a network get them as well.
set -eu
cd "$(dirname "$0")/../.."
images=${CM_IMAGES:-${B:-build}/images}
mkdir -p "$images"
tmp=$(mktemp -d)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT

# apt-get COMMAND…, once more with fresh lists if the packages are not known or not there any more.
apt() {
	local log=$tmp/apt.log
	DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 && return
	apt-get -q update >>"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >>"$log" 2>&1 && return
	cat "$log" >&2
	return 1
}

# The files of Debian's packages, without running their scripts and without what an image does not need.
unpack() { # FOLDER PACKAGE…
	local folder=$1 deb
	shift
	mkdir -p "$tmp/debs" "$folder"
	(cd "$tmp/debs" && apt download "$@")
	for deb in "$tmp"/debs/*.deb; do dpkg-deb -x "$deb" "$folder"; done
	rm -rf "$tmp/debs" "$folder"/usr/share/{doc,man,locale,lintian,bug,icu,gcc,gdb} "$folder"/usr/lib/systemd "$folder"/lib/systemd
}

# Every program and library finds the libraries it wants: said when the image is made, not when a test starts it.
whole() { # FOLDER
	local lost
	# shellcheck disable=SC2016
	lost=$(chroot "$1" /bin/sh -c 'find /usr /lib -type f \( -path "*/bin/*" -o -name "*.so*" \) | while read -r file; do
		LD_TRACE_LOADED_OBJECTS=1 /lib*/ld-linux*.so.* "$file" | sed -n "s|\(.*\) => not found|$file:\1|p"
	done' 2>/dev/null)
	[ -z "$lost" ] || { echo "images.sh: libraries that are missing:" >&2; echo "$lost" >&2; return 1; }
}

busybox_into() { # FOLDER
	local name
	command -v busybox >/dev/null || apt install -y --no-install-recommends busybox-static
	mkdir -p "$1"/{bin,tmp,etc}
	chmod 1777 "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in $("$1/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -sf busybox "$1/bin/$name"
	done
}

# A folder as an image in the form of `docker save`.
pack() { # NAME TAG FOLDER CONFIG
	local out=$tmp/out layer now
	now=$(date -u +%FT%TZ)
	rm -rf "$out"
	mkdir "$out"
	tar -C "$3" --numeric-owner --sort=name -cf "$out/layer.tar" .
	layer=$(sha256sum <"$out/layer.tar" | cut -d' ' -f1)
	printf '{"architecture":"%s","os":"linux","created":"%s","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"%s","created_by":"images.sh %s"}]}' \
		"$(dpkg --print-architecture)" "$now" "$4" "$layer" "$now" "$1" >"$out/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$2" >"$out/manifest.json"
	tar -C "$out" -cf "$images/$1.tar.$$" manifest.json config.json layer.tar
	mv "$images/$1.tar.$$" "$images/$1.tar"
}

make_busybox() {
	busybox_into "$tmp/busybox"
	pack busybox busybox:local "$tmp/busybox" '{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]}'
}

make_debian() {
	command -v debootstrap >/dev/null || apt install -y --no-install-recommends debootstrap
	debootstrap --variant=minbase --include=ca-certificates bookworm "$tmp/debian" >"$tmp/debootstrap.log" ||
		{ tail "$tmp/debootstrap.log" >&2; return 1; }
	rm -rf "$tmp"/debian/var/cache/apt/archives/*.deb "$tmp"/debian/var/lib/apt/lists/*
	pack debian debian:bookworm-slim "$tmp/debian" \
		'{"Cmd":["bash"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}'
}

# A folder of the image that belongs to the program's user, and that user.
own() { # FOLDER USER PATH…
	local root=$1 user=$2
	shift 2
	echo "root:x:0:0::/:/bin/sh
$user:x:999:999::/:/bin/sh" >"$root/etc/passwd"
	echo "root:x:0:
$user:x:999:" >"$root/etc/group"
	for p in "$@"; do
		mkdir -p "$root$p"
		chown 999:999 "$root$p"
		chmod 700 "$root$p"
	done
}

systemd_libs="libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblzma5 liblz4-1 libzstd1"

make_postgres() {
	local root=$tmp/postgres
	# shellcheck disable=SC2086
	unpack "$root" postgresql-15 postgresql-client-15 tzdata libc6 libgcc-s1 libstdc++6 libpq5 libicu72 libssl3 libxml2 \
		libxslt1.1 zlib1g libuuid1 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 \
		libldap-2.5-0 libsasl2-2 libpam0g libaudit1 libcap-ng0 libselinux1 libpcre2-8-0 libreadline8 libtinfo6 libbsd0 \
		libmd0 libedit2 libgnutls30 libnettle8 libhogweed6 libidn2-0 libunistring2 libtasn1-6 libp11-kit0 libffi8 libgmp10 \
		$systemd_libs
	# The compiler of queries would bring all of LLVM.
	rm -rf "$root"/usr/lib/postgresql/15/lib/{bitcode,llvmjit*,pgxs} "$root"/usr/share/postgresql-common
	busybox_into "$root"
	own "$root" postgres /var/lib/postgresql/data /var/run/postgresql
	cat >"$root/bin/start-postgres" <<-'END'
		#!/bin/sh
		# A new cluster at the first start; then the server in the place of this shell.
		set -e
		if [ ! -s "$PGDATA/PG_VERSION" ]; then
			initdb -D "$PGDATA" -U postgres -A trust -E UTF8 --locale=C --data-checksums
			echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
		fi
		exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
	END
	chmod 755 "$root/bin/start-postgres"
	whole "$root"
	pack postgres postgres:local "$root" '{"User":"postgres","Entrypoint":["/bin/start-postgres"],"StopSignal":"SIGINT",
		"Env":["PATH=/usr/lib/postgresql/15/bin:/bin","PGDATA=/var/lib/postgresql/data","PGUSER=postgres"],
		"ExposedPorts":{"5432/tcp":{}},"Volumes":{"/var/lib/postgresql/data":{}},
		"Healthcheck":{"Test":["CMD","pg_isready","-q"],"Interval":1000000000,"Timeout":10000000000,
		"StartPeriod":60000000000,"Retries":5}}'
}

make_redis() {
	local root=$tmp/redis
	# shellcheck disable=SC2086
	unpack "$root" redis-tools libc6 libgcc-s1 libstdc++6 libatomic1 libjemalloc2 liblzf1 libssl3 zlib1g $systemd_libs
	busybox_into "$root"
	# One program under several names.
	ln -sf redis-check-rdb "$root/usr/bin/redis-server"
	own "$root" redis /data
	whole "$root"
	pack redis redis:local "$root" '{"User":"redis","WorkingDir":"/data",
		"Entrypoint":["redis-server","--bind","*","--protected-mode","no","--dir","/data","--appendonly","yes"],
		"Env":["PATH=/usr/bin:/bin"],"ExposedPorts":{"6379/tcp":{}},"Volumes":{"/data":{}},
		"Healthcheck":{"Test":["CMD-SHELL","redis-cli ping | grep -q PONG"],"Interval":1000000000,"Timeout":10000000000,
		"StartPeriod":30000000000,"Retries":5}}'
}

engine=
docker version >/dev/null 2>&1 && engine=1
for name in busybox "$@"; do
	case $name in
	busybox | postgres | redis) tag=$name:local ;;
	debian) tag=debian:bookworm-slim ;;
	*) echo "usage: $0 [busybox] [debian] [postgres] [redis]" >&2; exit 2 ;;
	esac
	there=
	[ -z "$engine" ] || ! docker image inspect "$tag" >/dev/null 2>&1 || there=1
	# Also when this engine has the image: the next one may not, and may have no network to make it with.
	if [ ! -s "$images/$name.tar" ]; then
		if [ -n "$there" ]; then
			docker save -o "$images/$name.tar.$$" "$tag" && mv "$images/$name.tar.$$" "$images/$name.tar"
		else
			"make_$name"
		fi
	fi
	[ -z "$engine" ] || [ -n "$there" ] || docker load -q -i "$images/$name.tar" >/dev/null
done
[ -n "$engine" ] || echo "images.sh: no engine answers; the images are in $images" >&2

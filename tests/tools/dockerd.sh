#!/bin/bash
# dockerd.sh start|stop|run: a real Docker Engine from Debian's packages, for tests on a machine where none runs.
#   start  does nothing when an engine answers; otherwise starts one and remembers its process id
#   stop   ends the engine that start began (never another one)
set -eu
pidfile=/run/container-monkey-test-dockerd.pid
log=/var/log/container-monkey-test-dockerd.log
case ${1:-} in
start)
	docker version >/dev/null 2>&1 && exit 0
	command -v dockerd >/dev/null || DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends docker.io iptables >/dev/null
	setsid nohup dockerd >"$log" 2>&1 </dev/null &
	echo $! >"$pidfile"
	for _ in $(seq 150); do
		docker version >/dev/null 2>&1 && exit 0
		sleep .2
	done
	echo "dockerd did not come up; its last words:" >&2
	tail -n 20 "$log" >&2
	exit 1
	;;
stop)
	[ -f "$pidfile" ] || exit 0
	kill "$(cat "$pidfile")" 2>/dev/null || true
	rm -f "$pidfile"
	;;
*)
	echo "usage: $0 start|stop" >&2
	exit 2
	;;
esac

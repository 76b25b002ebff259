#!/bin/bash
# engine.sh start|run|kill|stop: a real Docker Engine in namespaces of its own: own mounts, own network with its own loopback.
# In there everything is at its usual place (/run/docker.sock, /var/lib/docker, docker0), and nothing of it meets another
# engine of this machine: tests run beside each other, and an engine can be stopped and killed at will.
#   start NAME           does nothing when it runs already; else starts it and waits until it answers
#   run NAME COMMAND…    runs a command in its namespaces
#   kill NAME SIGNAL     sends its dockerd a signal; after TERM and KILL waits for its end. What it was is kept for start
#   stop NAME            ends it, frees its memory and its disk
#   dir NAME             where its files lie: run/, docker/, log
# CM_ENGINE_DIR: the folder of all engines (/var/lib/container-monkey-engines). Loopback only: no way to other hosts.
set -eu
name=${2:?name}
base=${CM_ENGINE_DIR:-/var/lib/container-monkey-engines}
dir=$base/$name

alive() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }
# Does a process run? One that nobody waits for has ended.
runs() { [ -n "$1" ] && grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }
inside() { nsenter -t "$(cat "$dir/pid")" -m -n -- "$@"; }

case ${1:-} in
start)
	if ! alive; then
		mkdir -p "$dir"/run/lock "$dir/docker" /var/lib/docker
		rm -rf "$dir"/run/docker* "$dir/pid"
		# The shell that holds the namespaces outlives its dockerd, which tests may end and start again.
		setsid unshare --mount --net --propagation private bash -c '
			mount --bind "$1/run" /run && mount --bind "$1/docker" /var/lib/docker && ip link set lo up || exit 1
			echo $$ >"$1/pid"
			exec sleep infinity' engine "$dir" >"$dir/log" 2>&1 </dev/null &
		for _ in $(seq 100); do [ -s "$dir/pid" ] && break; sleep .05; done
		alive || { echo "engine.sh: no namespaces for $name:" >&2; cat "$dir/log" >&2; exit 1; }
	fi
	inside docker version >/dev/null 2>&1 && exit 0
	# A dockerd that was killed: the next one would take what is left of its containerd for one that runs.
	for f in "$dir/run/docker.pid" "$dir/run/docker/containerd/containerd.pid"; do
		runs "$(cat "$f" 2>/dev/null)" || rm -f "$f"
	done
	inside setsid bash -c 'echo $$ >"$1/dockerd.pid"; exec dockerd' engine "$dir" >>"$dir/log" 2>&1 </dev/null &
	for _ in $(seq 300); do
		inside docker version >/dev/null 2>&1 && exit 0
		sleep .1
	done
	echo "engine.sh: the engine $name did not come up; its last words:" >&2
	tail -n 20 "$dir/log" >&2
	exit 1
	;;
run)
	shift 2
	alive || { echo "engine.sh: $name does not run" >&2; exit 1; }
	exec nsenter -t "$(cat "$dir/pid")" -m -n --wd="$PWD" -- "$@"
	;;
kill)
	pid=$(cat "$dir/dockerd.pid")
	kill -"${3:?signal}" "$pid"
	case $3 in
	TERM | KILL)
		for _ in $(seq 300); do runs "$pid" || exit 0; sleep .1; done
		echo "engine.sh: the dockerd of $name does not end" >&2
		exit 1
		;;
	esac
	;;
stop)
	[ -d "$dir" ] || exit 0
	if alive; then
		kill -CONT "$(cat "$dir/dockerd.pid" 2>/dev/null)" 2>/dev/null || true
		inside timeout 20 docker ps -aq 2>/dev/null | xargs -r nsenter -t "$(cat "$dir/pid")" -m -n -- docker rm -f >/dev/null 2>&1 || true
		[ ! -s "$dir/dockerd.pid" ] || kill "$(cat "$dir/dockerd.pid")" 2>/dev/null || true
		for _ in $(seq 100); do runs "$(cat "$dir/dockerd.pid" 2>/dev/null)" || break; sleep .1; done
		kill -9 "$(cat "$dir/dockerd.pid")" 2>/dev/null || true
		kill "$(cat "$dir/pid")" 2>/dev/null || true
	fi
	rm -rf "$dir" 2>/dev/null || true
	;;
dir) echo "$dir" ;;
*)
	echo "usage: $0 start|run|kill|stop|dir NAME" >&2
	exit 2
	;;
esac

#!/bin/bash
# run.sh PROGRAM: starts the program on its defaults in the foreground, and says where to click and how to log in.
set -eu
program=$1
# Workers run without root: a checkout in a folder that only root may enter, such as /root, cannot hold their data.
reachable() {
	local folder=$1
	while [ "$folder" != / ]; do
		[ $((0$(stat -c %a "$folder") & 1)) -eq 1 ] || return 1
		folder=$(dirname "$folder")
	done
}
if [ -z "${CM_DATA:-}" ] && [ "$(id -u)" -eq 0 ] && [ ! -e ./data/config/monkey.db ] && ! reachable "$PWD"; then
	CM_DATA=/var/lib/container-monkey
fi
export CM_DATA=${CM_DATA:-./data}
first=yes
[ -e "$CM_DATA/config/monkey.db" ] && first=
port=${CM_PORT:-${FLASK_PORT:-1066}}
host=localhost
echo
echo "  Container Monkey:  http://$host:$port"
case ${CM_TLS:-off} in off) ;; *) echo "  with TLS:          https://$host:${CM_TLS_PORT:-1067}" ;; esac
if [ -n "$first" ] && [ -n "${CM_ADMIN_PASSWORD:-}" ]; then
	echo "  first login:       admin, with the password from CM_ADMIN_PASSWORD"
elif [ -n "$first" ]; then
	echo "  first login:       admin / c0Nta!nerM0nK3y#Q92x   (change it on the account page)"
else
	# Nobody may have used the first login yet: the first start may have failed, or its output is gone.
	echo "  first login:       admin / c0Nta!nerM0nK3y#Q92x   (unless it was changed)"
fi
echo "  data:              $CM_DATA"
echo "  Ctrl-C ends it."
echo
exec "$program"

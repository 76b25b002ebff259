#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# private-apt.sh FOLDER deb|deb-src SUITE COMMAND…: runs apt-get (or apt-cache) COMMAND inside FOLDER over one suite of
# Debian, from the mirror that this machine uses already, with lists, cache and sources of its own in FOLDER: the
# machine's sources and packages stay untouched. apt checks the index's signature and each package's hash.
set -euo pipefail
folder=${1:?folder} kind=${2:?deb or deb-src} suite=${3:?suite}
shift 3
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
	echo "private-apt.sh: $*" >&2
	exit 1
}
command -v apt-get >/dev/null || die "needs apt (Debian)"
[ -r $keyring ] || die "needs the Debian archive keys: apt-get install debian-archive-keyring"

# Where this machine gets Debian itself from, and nobody else's packages. Without downloaded lists apt knows of its
# sources only what their lines say.
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)' 2>/dev/null |
	awk -F'|' '$1 == "Debian" && $2 !~ /-/ { print $3; exit }' || true)
[ -n "$mirror" ] || mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE)|$(REPO_URI)' 2>/dev/null |
	awk -F'|' '$1 ~ /^(bookworm|trixie|forky|sid|stable|testing|unstable)$/ { print $2; exit }' || true)
[ -n "$mirror" ] || die "apt knows no Debian mirror here: run apt-get update, then make again"

mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
cd "$folder"
[ -e status ] || : >status
echo "$kind [signed-by=$keyring] $mirror $suite main" >sources.list
# Check-Valid-Until: what is fetched is pinned and signed, so a mirror that lags behind is as good.
options=(-qq -o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$PWD"
	-o "Dir::State::lists=$PWD/lists" -o "Dir::State::status=$PWD/status" -o "Dir::Cache=$PWD/cache"
	-o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
	-o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -o APT::Get::List-Cleanup=false)
[ "$(id -u)" -ne 0 ] || options+=(-o APT::Sandbox::User=root)

if [ ! -e .updated ]; then
	apt-get "${options[@]}" update || die "cannot read Debian's index of $suite from the mirror of this machine"
	: >.updated
fi
case $1 in
madison) exec apt-cache "${options[@]}" "$@" ;;
*) exec apt-get "${options[@]}" "$@" ;;
esac

#!/bin/sh
# The units as built are valid, as strict as promised, and leave bubblewrap what it needs. Usage: units_test.sh DIRECTORY
set -eu
units=$1
skipped=77
command -v systemd-analyze >/dev/null || { echo "skipped: systemd-analyze is not installed"; exit $skipped; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# "Overall exposure level for x.service: 0.6 SAFE" -> 6
exposure() {
  systemd-analyze security --offline=true --no-pager "$1" | sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]\).*/\1\2/p' | sed 's/^0//'
}
at_most() {
  found=$(exposure "$units/$1")
  [ -n "$found" ] || { fail "$1: no exposure level was told"; return; }
  echo "$1: exposure $found tenths, allowed $2"
  [ "$found" -le "$2" ] || fail "$1 is exposed by $found tenths, more than $2"
}
has() { grep -q "^$2" "$units/$1" || fail "$1 lacks $2"; }
lacks() { ! grep -q "^$2" "$units/$1" || fail "$1 has $2"; }

# Promised are 1.2 and 3.0; what has been reached stays.
at_most convd.service 6
at_most convd-runner.service 22

has convd.service Type=notify
has convd.service WatchdogSec=
has convd.service 'ExecReload=.*HUP'
has convd.service User=convd
has convd.service RuntimeDirectoryPreserve=yes
lacks convd.service PrivateUsers=yes
has convd.socket 'ListenStream=/run/convd/convd.sock'
has convd.socket 'ListenStream=127.0.0.1:8080'
has convd.socket SocketMode=0666
for word in ProtectKernelTunables ProtectKernelLogs ProcSubset ProtectHostname RestrictNamespaces PrivateUsers \
  ProtectControlGroups MemoryDenyWriteExecute; do
  lacks convd-runner.service "$word="
done
has convd-runner.service 'RestrictAddressFamilies=.*AF_NETLINK'
has convd-runner.service 'SystemCallFilter=.*@mount'
has convd-runner.service Delegate=
has convd-runner.service OOMPolicy=continue
has convd-runner.socket ListenSequentialPacket=

# The programs need not be installed for the rest of a unit to be checked.
for unit in convd.service convd-runner.service convd.socket convd-runner.socket; do
  sed 's|^ExecStart=.*|ExecStart=/bin/true|; s|^Documentation=.*||' "$units/$unit" >"$work/$unit"
done
# What systemd has to say about the units in $work.
complaints() {
  systemd-analyze verify --man=no "$work"/convd.service "$work"/convd-runner.service "$work"/convd.socket \
    "$work"/convd-runner.socket 2>&1 | grep -F "$work" || true
}
found=$(complaints)
[ -z "$found" ] || fail "$found"

# The drop-ins of convd(8), as they stand there.
mkdir "$work/convd.socket.d"
drop_in=$work/convd.socket.d/listen.conf
example() {
  awk -v wanted="$1" '/^\.Ed/ {inside = 0} inside {print} /^\[Socket\]/ && ++count == wanted {print; inside = 1}' "$manual"
}
manual=$(dirname "$0")/../man/convd.8
for number in 1 2; do
  example $number >"$drop_in"
  grep -q '^ListenStream=127.0.0.1:' "$drop_in" || fail "convd(8) has no drop-in number $number"
  found=$(complaints)
  [ -z "$found" ] || fail "drop-in number $number of convd(8): $found"
done
# Only what is read can be wrong.
printf '[Socket]\nListenStream=nowhere\n' >"$drop_in"
[ -n "$(complaints)" ] || fail "drop-ins are not looked at"

[ $failures -eq 0 ] || exit 1
echo "all units are as they should be"

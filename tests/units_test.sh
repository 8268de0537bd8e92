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

at_most convd.service 12
at_most convd-runner.service 30

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
complaints=$(systemd-analyze verify --man=no "$work"/convd.service "$work"/convd-runner.service "$work"/convd.socket \
  "$work"/convd-runner.socket 2>&1 | grep -F "$work" || true)
[ -z "$complaints" ] || fail "$complaints"

[ $failures -eq 0 ] || exit 1
echo "all units are as they should be"

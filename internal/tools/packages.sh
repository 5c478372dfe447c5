#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that this machine lacks,
# and says which. The services that the packages bring are not started: the tests
# run their own, on free ports.
set -euo pipefail

missing=()
need() { # need PACKAGE COMMAND...: the package is there if any of the commands is
  local package=$1 candidate
  shift
  for candidate in "$@"; do
    compgen -G "$candidate" >/dev/null && return
    command -v "$candidate" >/dev/null 2>&1 && return
  done
  missing+=("$package")
}

need gcc gcc cc # the race detector
need libc6-dev /usr/include/stdio.h
need postgresql '/usr/lib/postgresql/*/bin/pg_ctl'
need redis-server redis-server
need prometheus prometheus
need nodejs node
need npm npm

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

echo "installing for the tests: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

# Debian starts a service as soon as it is installed, unless a policy says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"

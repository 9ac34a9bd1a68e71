#!/bin/bash
# Installs what is missing of the named lists, on Debian and its kin:  cmake/install-packages.sh build test
# A list is cmake/debian-packages/NAME.txt, one package a line. Where everything is there already, nothing is run and no
# privilege is needed; elsewhere than on Debian the packages are named and the caller goes on with what the system has.
set -euo pipefail
lists=$(dirname "$(realpath "$0")")/debian-packages

missing=()
for list in "$@"; do
  while read -r package; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    if [ "$state" != installed ]; then missing+=("$package"); fi
  done < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$lists/$list.txt")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "There is no apt-get here. Please see to it that these are installed: ${missing[*]}" >&2
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Neither root nor sudo: please have these installed: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

apt_install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "${missing[@]}" </dev/null
}
echo "Installing: ${missing[*]}"
# Package lists that are absent or out of date are the usual reason for a failure.
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1 || ! apt_install; then
  "${as_root[@]}" apt-get update -q </dev/null || true
  apt_install
fi

#!/bin/sh
# tools/build.sh [PRESET] [TARGET…]: set-up, configure and build; run again at no cost.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -gt 0 ] && shift
tools/setup.sh
cmake --preset "$preset" >"/tmp/pc-configure.$$" 2>&1 || { cat "/tmp/pc-configure.$$" >&2; rm -f "/tmp/pc-configure.$$"; exit 1; }
rm -f "/tmp/pc-configure.$$"
cmake --build --preset "$preset" --target "${@:-all}" >&2

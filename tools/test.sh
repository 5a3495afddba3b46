#!/bin/sh
# tools/test.sh [PRESET]: set-up, build and every test, from nothing.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
tools/build.sh "$preset"
ctest --preset "$preset" -j 2

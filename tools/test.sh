#!/bin/sh
# tools/test.sh [PRESET]: set-up, build and every test, from nothing; then the slowest tests, and which cases were skipped and why. Exit code 1 if a test failed or was
# skipped for want of something that could be installed.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
export PC_ORACLES="${PC_ORACLES:-yes}"
tools/build.sh "$preset"
status=0
ctest --preset "$preset" -j 2 --output-junit tests.xml || status=1
tests/summary.py "build/$preset/tests.xml" || status=1
exit $status

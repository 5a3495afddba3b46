#!/bin/sh
# tools/campaigns.sh [PRESET [NAME…]]: the long tests that tools/test.sh leaves out, all (about three hours on 2 cores) or those whose names match:
# failing calls, kills, pcserve under load, reloads and drains, fuzzing, planted bugs. Ends with how long each took; exit code 1 if one failed.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -eq 0 ] || shift
export PC_ORACLES="${PC_ORACLES:-yes}"
tools/build.sh "$preset"
status=0
ctest --preset "$preset" -C campaign -R "^campaign_.*(${*:-.})" --output-junit campaigns.xml || status=1
tests/summary.py "build/$preset/campaigns.xml" || status=1
exit $status

#!/bin/sh
# tools/kills.sh [--bin DIR] [--kills N] [--seed N] [JOB…]: the jobs that write files (training, rows of predictions, pack, unpack, index,
# conversion, average, download, …) on tiny data, killed (SIGKILL) N times (300) at random moments and run again as in tools/faults.sh.
# Held: a checkpoint always loads and never goes back; the rerun ends with every byte of an undisturbed run, report and confusion matrix
# included, seconds and rates left out; nothing else remains. The last line is "N kills, M failures"; exit code 1 if there are failures.
set -eu
cd "$(dirname "$0")/.."
exec python3 tests/faults/kills.py "$@"

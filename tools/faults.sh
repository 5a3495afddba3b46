#!/bin/sh
# tools/faults.sh [OPTIONS] [JOB [CALL ERRNO N [PATH]]]: the main job of every program on tiny data, and every call to the kernel that it makes
# beyond those of --version fails once, with each error that can occur there; then the job runs again undisturbed. Needs strace.
#   --bin DIR (build/release/bin)   --most N runs, drawn from all with --seed N   --workers N (2)
# Held: the run ends with 0 and the bytes of an undisturbed run, or with one entry skipped and counted in what it prints; or with a documented
# code other than 1 and one line that names the file or the resource. No stray file. The rerun (for training the same command, --resume for
# predictions, --force for the others) ends with the bytes of an undisturbed run; seconds and rates do not count.
# Prints each failure with the command that shows it alone, a table, and "N runs, M failures"; exit code 1 if there are failures.
set -eu
cd "$(dirname "$0")/.."
exec python3 tests/faults/faults.py "$@"

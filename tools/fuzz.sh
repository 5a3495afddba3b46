#!/bin/bash
# tools/fuzz.sh [SECONDS] [TARGET…]: builds the fuzz targets and feeds each mutated inputs for SECONDS (60), two targets at a time. Inputs
# that reach new code are kept in build/fuzz/corpus. Exit 1 where one target reports a bug; its input is named then.
# PC_FUZZ_RUNS=N ends a target after N inputs as well; PC_FUZZ_SEED=N makes a run repeatable.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cpp; do
    name=$(basename "$source" _fuzz.cpp)
    set -- "$@" "$name"
  done
fi
PC_FUZZER=yes tools/build.sh fuzz "${@/#/fuzz_}"

# A target's inputs are small; the quarantine of freed memory need not be large. setarch: clang 14's AddressSanitizer does not start
# everywhere with the wide address randomization of newer kernels.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=6 UBSAN_OPTIONS=print_stacktrace=1
run() {
  local name=$1 kept=build/fuzz/corpus/$1 log=build/fuzz/$1.log options=(-max_total_time="$2" -runs="${PC_FUZZ_RUNS:--1}" -seed="${PC_FUZZ_SEED:-0}")
  mkdir -p "$kept"
  [ -f "tests/fuzz/$name.dict" ] && options+=(-dict="tests/fuzz/$name.dict")
  local before after status=0 statistics
  before=$(find "$kept" -type f | wc -l)
  setarch "$(uname -m)" -R "build/fuzz/bin/fuzz_$name" "${options[@]}" -max_len=4096 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$kept" "tests/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
  after=$(find "$kept" -type f | wc -l)
  statistics=$(awk '
    / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") coverage = $(i + 1) }
    /number_of_executed_units/ { runs = $2 }
    /average_exec_per_sec/ { rate = $2 }
    /peak_rss_mb/ { memory = $2 }
    END { printf "%d inputs, %d/s, coverage %d, peak %d MiB", runs, rate, coverage, memory }' "$log")
  printf '%-12s %s, %d new in the corpus\n' "$name" "$statistics" $((after - before))
  [ "$status" = 0 ] && return
  grep -E 'ERROR|BUG|runtime error|SUMMARY|Test unit written' "$log" | sed "s/^/  /" >&2
  echo "  whole report: $log" >&2
  return 1
}
export -f run
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'run "$@"' _ {} "$seconds" || exit 1

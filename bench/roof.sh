#!/bin/bash
# bench/roof.sh BIN [MIN_TIME]: the CPU, then for forward in f32 on at least 1 GiB the ops that memory limits: GB/s and the share of the roof.
# On a machine that does nothing else; OMP_NUM_THREADS sets the threads.
set -eu
grep -m1 'model name' /proc/cpuinfo
echo "threads ${OMP_NUM_THREADS:-$(nproc)}, load $(cut -d' ' -f1 /proc/loadavg)"
for op in activation multiply layer_norm conv2d; do
  filter='^forward/cpu/f32/'
  [ $op != conv2d ] || filter+='.*/depthwise[35]'
  "$1/bench_$op" --benchmark_min_time="${2:-0.5}" --benchmark_filter="$filter" 2>&1 |
    sed -nE 's/^(cpu_.*_per_s: .*)/\1/p; s,^forward/cpu/f32/(.*)/real_time.* GB/s=([0-9.]+)/s.* roof%=([0-9.]+)/s$,\1  \2 GB/s  \3 %,p'
done

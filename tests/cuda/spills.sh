#!/bin/bash
# Compiles every hand-written CUDA file for sm_90 and fails where a kernel spills registers or keeps a stack frame; prints the
# registers of each. Usage: tests/cuda/spills.sh [FILE.cu...]; exit 77 (skipped) where there is no nvcc.
set -u
cd "$(dirname "$0")/../.." || exit 1
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
if [ ! -x "$nvcc" ]; then
  echo "SKIPPED: no nvcc on this machine"
  exit 77
fi
[ $# -eq 0 ] && set -- $(find kernels -name '*_cuda.cu' | sort)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

compile() {
  local report="$2/$(basename "$3").txt"
  "$1" -std=c++20 -O3 -arch=sm_90 --expt-relaxed-constexpr -DPC_HAVE_CUDA=1 -I. -Xptxas -v -cubin -o /dev/null "$3" \
    > "$report" 2>&1 || { cat "$report"; exit 1; }
}
export -f compile
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'compile "$@"' _ "$nvcc" "$folder" {} || exit 1

# ptxas says three things of each kernel: its name, its frame and spills, its registers.
cat "$folder"/*.txt | c++filt | awk '
  /Compiling entry function/ {
    name = $0
    sub(/.*entry function .(void )?/, "", name)
    gsub(/pc::|\(anonymous namespace\)::/, "", name)
    sub(/\(.*/, "", name)
  }
  /bytes stack frame/ { frame = $1; stores = $5; loads = $9 }
  /Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/); registers = substr($0, RSTART + 5, RLENGTH - 5)
    ++kernels
    printf "%4d registers  %s\n", registers, name
    if (frame + stores + loads > 0) {
      ++bad
      printf "FAILED: %s: stack frame %d, spill stores %d, spill loads %d bytes\n", name, frame, stores, loads
    }
  }
  END {
    if (kernels == 0) { print "FAILED: ptxas reported no kernel"; exit 1 }
    printf "%d kernels, %d with a stack frame or spills\n", kernels, bad
    exit bad > 0
  }'

#!/bin/sh
# tests/layers_test.sh: tests/layers.sh finds each planted fault and names the file.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/tests"
cp -r kernels engine models data tools bench "$tree"
cp -r tests/ops "$tree/tests"
cd "$tree"

failed=0
# plant FILE LINE REPORT…: with a new FILE of this one line the check fails, and prints each REPORT.
plant() {
  file=$1
  printf '%s\n' "$2" >"$file"
  shift 2
  status=0
  "$root/tests/layers.sh" "$tree" >report.txt || status=$?
  rm "$file"
  for report in "$@"; do
    if [ $status = 1 ] && grep -qF -e "$report" report.txt; then continue; fi
    echo "layers.sh ended with $status and did not report: $report"
    failed=1
  done
}
any() { find "$1" -name '*.h' | LC_ALL=C sort | head -n 1; }

plant kernels/planted.h '#include "engine/tensor.h"' "kernels/planted.h:1: kernels must not include engine/tensor.h"
plant kernels/base/planted.h '#include "kernels/runtime/dtype.h"' "kernels/base/planted.h:1: kernels/base must not include"
plant models/planted.h "#include \"$(any data)\"" "models/planted.h:1: models must not include data/"
plant data/planted.h "#include \"$(any models)\"" "data/planted.h:1: data must not include models/"
plant engine/planted.h '#include "engine/absent.h"' "engine/planted.h:1: engine/absent.h: not found"
plant tools/weights/planted.h "#include \"$(any tools/serve)\"" "tools/weights/planted.h:1: tools/weights must not include tools/serve/"
# run includes cli already.
plant tools/cli/planted.h "#include \"$(any tools/runs)\"" "tools/cli -> tools/runs lies on a circle:" \
  "tools/runs -> tools/cli lies on a circle:" "    tools/cli/planted.h:1: tools/runs/"
plant engine/planted.h '#include <cuda_runtime.h>' "engine/planted.h:1: a header for kernels/ only"
plant data/planted.h '#include <immintrin.h>' "data/planted.h:1: a header for kernels/ only"
plant tools/runs/planted.h '#  include "cudnn.h"' "tools/runs/planted.h:1: a header for kernels/ only"
plant engine/planted.h '#ifdef NDEBUG' "engine/planted.h:1: a conditional outside kernels/"
plant tools/cli/planted.h '#if PC_HAVE_CUDA' "tools/cli/planted.h:1: a conditional outside kernels/"
plant engine/planted.cpp 'int planted;' "engine/planted.cpp: has no header engine/planted.h"
plant tools/serve/tensor.h 'int planted();' "tools/serve/tensor.h: engine/tensor.cpp has this name already"
exit $failed

#!/bin/sh
# tests/format.sh: every C++ file is as clang-format 14 leaves it; a newer one breaks some lines elsewhere. Exit 77 where 14 is absent.
set -eu
cd "$(dirname "$0")/.."
format=$(command -v clang-format-14 || command -v clang-format || true)
case $([ -z "$format" ] || "$format" --version) in
  *' 14.'*) ;;
  *) echo "format: no clang-format 14; run tools/setup.sh" && exit 77 ;;
esac
find kernels engine models data tools tests bench \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 -P 2 -n 40 "$format" --dry-run -Werror

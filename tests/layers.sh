#!/bin/sh
# tests/layers.sh [DIR]: which file may include which, and how files are named. DIR is the tree to check (default: this one).
#
# Includes point down; vendor headers and conditionals stay in kernels/; the directories of tools/ use each other along the arrows
# listed here and in no circle; a .cpp has a header of its own name; no two directories use one name for different things.
set -eu
cd "${1:-$(dirname "$0")/..}"

files=$(mktemp)
trap 'rm -f "$files"' EXIT
{
  find kernels engine models data tools bench -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \)
  find tests/ops -name '*_case*.h' -o -name values.h -o -name activation_reference.h -o -name conv2d_products.h  # the tables of cases, which bench/ times
} | LC_ALL=C sort >"$files"

# First the list of the files, then each of them.
bad=$(awk '
  BEGIN {
    below["kernels/base"] = "kernels/base"
    below["kernels"] = "kernels/base kernels"
    below["engine"] = "kernels/base kernels engine"
    below["models"] = "kernels/base kernels engine models"
    below["data"] = "kernels/base kernels engine data"
    below["tools"] = "kernels/base kernels engine models data tools"
    below["tests"] = "kernels/base kernels engine tests"
    below["bench"] = "kernels/base kernels engine models data tools tests bench"

    arrows["cli"] = arrows["html"] = arrows["doctor"] = ""
    arrows["weights"] = "cli"
    arrows["predict"] = "cli weights"
    arrows["fetch"] = "cli weights"
    arrows["runs"] = "cli fetch"
    arrows["dataset"] = "cli html fetch"
    arrows["evaluate"] = "cli runs weights predict"
    arrows["report"] = "cli html runs weights predict evaluate"
    arrows["train"] = "cli runs weights evaluate report"
    arrows["serve"] = "cli html weights predict"

    vendor = "[<\"](cuda|cudnn|cublas|nccl|nvml|cub/|cooperative_groups|dnnl|oneapi|mpi\\.h|cpuid\\.h|x86intrin|arm_neon|[a-z]*mmintrin)"
  }

  function layer(path) { return path ~ /^kernels\/base\// ? "kernels/base" : substr(path, 1, index(path, "/") - 1) }
  function group(path) { return path ~ /^tools\/[^\/]*\// ? substr(path, 7, index(substr(path, 7), "/") - 1) : "" }
  function has(list, word) { return index(" " list " ", " " word " ") > 0 }
  function report(text) { print "  " text }

  function note_name(path,    directory, name, stem) {
    known[path] = 1
    files[++count] = path
    directory = path
    sub(/\/[^\/]*$/, "", directory)
    name = substr(path, length(directory) + 2)
    stem = name
    sub(/\.[a-z]*$/, "", stem)
    # An op has one name everywhere.
    if (directory == "engine" || directory == "engine/ops" || directory == "bench" || directory == "kernels/" stem) directory = "op"
    if (stem in home && home[stem] != directory) report(path ": " first[stem] " has this name already")
    if (!(stem in home)) { home[stem] = directory; first[stem] = path }
  }

  function check_header(path,    stem) {
    if (path !~ /\.cpp$/ || path ~ /^bench\/|^engine\/ops\/|^tools\/pc[a-z]*\.cpp$|_(cpu|cuda|simd)\.cpp$/) return
    stem = substr(path, 1, length(path) - 4)
    if (!(stem ".h" in known)) report(path ": has no header " stem ".h")
  }

  function check_include(path, line, target,    from, to) {
    from = layer(path)
    to = layer(target)
    if (!(target in known)) { report(path ":" line ": " target ": not found in the directories below the root"); return }
    if (!has(below[from], to)) report(path ":" line ": " from " must not include " target)
    from = group(path)
    to = group(target)
    if (from == "" || to == "" || from == to) return
    if (!has(arrows[from], to)) report(path ":" line ": tools/" from " must not include " target)
    edge[from, to] = edge[from, to] "\n    " path ":" line ": " target
    reaches[from, to] = node[from] = node[to] = 1
  }

  function check_circles(    a, b, c) {
    for (b in node) for (a in node) if ((a, b) in reaches) for (c in node) if ((b, c) in reaches) reaches[a, c] = 1
    for (a in node) for (b in node) if ((a, b) in edge && (b, a) in reaches) report("tools/" a " -> tools/" b " lies on a circle:" edge[a, b])
  }

  FILENAME == ARGV[1] { note_name($0); ARGV[ARGC++] = $0; next }
  /^ *# *include *"/ { split($0, part, "\""); check_include(FILENAME, FNR, part[2]) }
  FILENAME !~ /^(kernels|bench)\// && /^ *# *include/ && $0 ~ vendor { report(FILENAME ":" FNR ": a header for kernels/ only: " $0) }
  FILENAME !~ /^(kernels|bench)\// && /^ *# *(if|ifdef|ifndef)/ { report(FILENAME ":" FNR ": a conditional outside kernels/: " $0) }
  END { for (i = 1; i <= count; ++i) check_header(files[i]); check_circles() }
' "$files")
[ -z "$bad" ] && exit 0
printf 'These break the layers described in README.md, "How it is built":\n%s\n' "$bad"
exit 1

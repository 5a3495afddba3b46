#!/bin/sh
# tests/simd_symbols.sh BUILD [VARIANT]: checks what the objects of the *_simd.cpp files in BUILD define for other files to see.
#
# A _simd file may hold instructions that a machine lacks, and may be compiled several times into one program, so its symbols must not meet
# those of other files. Allowed are its op table (pc::NAME_cpu, data), pc::built_for, and whatever lies in the namespace VARIANT, which is
# PC_VARIANT of kernels/runtime/simd.h. Weak symbols of the standard library are only counted. Run it from the root of the sources.
set -eu
build=$1 variant=${2:-native}
objects=
for source in $(find kernels -name '*_simd.cpp' | LC_ALL=C sort); do
  found=$(find "$build" -path "*/$source.o")
  [ -n "$found" ] || { echo "$source has no object in $build: build pc_kernels first" >&2; exit 1; }
  objects="$objects $found"
done

# Mangled names, for they begin with the namespace; a demangled one may begin with a return type.
# shellcheck disable=SC2086
report=$(nm -A --defined-only --extern-only $objects | LC_ALL=C awk -v variant="$variant" '
  # True if `names`, of the form <length><name><length><name>..., has the variant among them.
  function in_variant(names,    count, name) {
    while (match(names, /^[0-9]+/)) {
      count = substr(names, 1, RLENGTH) + 0
      name = substr(names, RLENGTH + 1, count)
      names = substr(names, RLENGTH + 1 + count)
      if (name == variant) return 1
    }
    return 0
  }
  {
    type = $(NF - 1); symbol = $NF; first = symbol
    if (!sub(/^_Z(T[VTIS]|GV|GR|Z)*(N[rVKRO]*)?/, "", first)) first = ""
    if (type ~ /[WVu]/ && (first ~ /^(S[a-z]|9__gnu_cxx|nw|na|dl|da)/ || symbol ~ /^DW\.ref\.__gxx_personality/)) ++library
    else if (first ~ /^2pc/ && in_variant(first)) ++own
    else if (type ~ /[DR]/ && symbol ~ /^_ZN2pc([0-9]+[a-z0-9_]+_cpu|9built_for)E$/) ++tables
    else { print $1, type, symbol; ++bad }
  }
  END {
    if (bad) print bad " symbols leave their variant: put them in an anonymous namespace or in PC_VARIANT (kernels/runtime/simd.h)"
    printf "%d tables, %d symbols in %s, %d weak ones of the standard library\n", tables, own, variant, library
    exit (bad > 0 || tables == 0)
  }') && status=0 || status=1
printf '%s\n' "$report" | c++filt
exit $status

#!/bin/bash
# tests/rpath.sh BUILD: no program of the build, and none that `cmake --install` makes of it, looks for libraries in a directory that depends on
# where it is started: every entry of RPATH and RUNPATH is absolute or begins with $ORIGIN. An empty entry is the current directory.
set -eu
build=$1
installed=$(mktemp -d)
trap 'rm -rf "$installed"' EXIT
cmake --install "$build" --prefix "$installed" >"$installed/log" 2>&1 || { tail -3 "$installed/log"; exit 1; }

bad=0 files=0
while read -r file; do
  files=$((files + 1))
  paths=$(LC_ALL=C readelf -d "$file" | sed -nE 's/.*\((RPATH|RUNPATH)\).*\[(.*)\]$/\2/p')
  while IFS= read -r -d : entry; do
    case $entry in
      /* | '$ORIGIN' | '$ORIGIN/'* | '${ORIGIN}' | '${ORIGIN}/'*) ;;
      *) echo "$file: the entry '$entry' of its RPATH '$paths' depends on the current directory"; bad=1; break ;;
    esac
  done < <([ -z "$paths" ] || printf '%s:' "$paths")
done < <(find "$build/bin" "$installed" -type f \( -perm -u+x -o -name '*.so*' \) -exec sh -c 'head -c4 "$1" | grep -q ELF' _ {} \; -print)
[ "$files" -ge 18 ] || { echo "only $files programs found in $build"; exit 1; }
exit $bad

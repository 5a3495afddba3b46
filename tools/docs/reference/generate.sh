#!/bin/sh
# tools/docs/reference/generate.sh [--check] BIN: writes cli.md and configuration.md from what the programs in BIN print about themselves.
# --check writes nothing; it exits with 1, and prints the difference, if the files are not what the programs print.
set -eu
check=no
[ "${1:-}" != --check ] || { check=yes; shift; }
[ $# -eq 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")"
export COLUMNS=80 NO_COLOR=1 LC_ALL=C.UTF-8

# help PROGRAM [SUBCOMMAND]
help() {
  printf '\n## %s\n\n```text\n' "$*"
  program=$1
  shift
  "$bin/$program" "$@" --help
  printf '```\n'
}

cli() {
  cat <<'TEXT'
# Command line

What the programs print with `--help` on a terminal of 80 columns. Written by [generate.sh](generate.sh); do not edit.

Results go to standard output, everything else to standard error. Exit codes of all programs: 0 success · 1 an internal error · 2 usage or
configuration · 3 bad input data · 4 file or disk · 5 network · 6 memory or a limit · 7 a loss or gradient that is not finite · 8 another process ·
75 stopped, run the same command again.
TEXT
  for program in pctrain pcpredict pceval pcmerge pcindex pcserve pcconvert pcdata; do help $program; done
  for command in fetch unpack inspect pack sample; do help pcdata $command; done
  help pcdoctor
}

# Lines "key: TYPE; default VALUE" with the meaning on the next line, below "[section]"; "--flag" of pctrain from its own help.
configuration() {
  cat <<'TEXT'
# Configuration keys

What `pctrain --help-config` prints: the keys of the INI file of `pctrain`, also set by `--set SECTION.KEY=VALUE`. The usual ones have an option of
their own, listed by [pctrain --help](cli.md#pctrain). Written by [generate.sh](generate.sh); do not edit.
TEXT
  "$bin/pctrain" --help-config | awk '
    /^\[/ { gsub(/[][]/, ""); section = $0; printf "\n## %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", section; next }
    /^[a-z_]+: / {
      key = $0; sub(/:.*/, "", key); value = $0; sub(/^[a-z_]+: /, "", value)
      at = match(value, /; default /); standard = substr(value, at + 10); value = substr(value, 1, at - 1)
      if (!at) { print "generate.sh: no default in: " $0 > "/dev/stderr"; exit 1 }
      next }
    /^    / { sub(/^ +/, ""); gsub(/\|/, "\\|"); printf "| `%s.%s` | %s | %s | %s |\n", section, key, value, standard, $0 }'
}

if [ $check = no ]; then
  cli >cli.md
  configuration >configuration.md
  exit 0
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cli >"$made/cli.md"
configuration >"$made/configuration.md"
for file in cli.md configuration.md; do
  diff -u "$file" "$made/$file" || { echo "tools/docs/reference/$file is not what the programs print: run tools/docs/reference/generate.sh BIN"; exit 1; }
done

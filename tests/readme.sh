#!/bin/bash
# tests/readme.sh BIN: the commands of README.md and tools/docs/quickstart.md (their ```sh blocks), in order, each document in a new temporary
# directory. The first command that fails ends the test and is named.
#
# What needs the network, root or minutes is replaced:
#   tools/build.sh, demo.sh, test.sh    a check that the script is there (Demo.* runs demo.sh)
#   build/cpu/bin                       BIN
#   pcdata sample 600, --epochs N       100 products, one epoch
#   pcdata fetch NAME                   a check that the name is known
#   pctrain …/fashion.ini               on the sample, one epoch
#   pcserve                             in the background on a free port, which curl then asks; without curl nobody asks
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
export bin server=
bin=$(cd "$1" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/prelude" <<'PRELUDE'
trap '[ -z "$server" ] || kill "$server"' EXIT
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
set -eEu

pcdata() {
  if [ "$1" = fetch ]; then
    command pcdata fetch --list 2>&1 | grep -q "^$2 "
  else
    command pcdata "$@"
  fi
}
pctrain() {
  case $1 in
    *.ini) command pctrain "$@" --set data.root=shop --set train.epochs=1 --set train.batch=16 ;;
    *) command pctrain "$@" ;;
  esac
}
pcserve() {
  : >served  # the background process may open it later than sed
  "$bin/pcserve" "$@" --port 0 >>served &
  server=$!
  for _ in {1..200}; do
    port=$(sed -n 's|^http://127.0.0.1:\([0-9]*\)/$|\1|p' served)
    [ -z "$port" ] || return 0
    sleep 0.1
  done
  return 1
}
curl() {
  type -P curl >/dev/null || return 0
  command curl -sSf "${@/127.0.0.1:8080/127.0.0.1:$port}"
}
PRELUDE

for document in README.md tools/docs/quickstart.md; do
  here=$folder/$(basename "$document" .md)
  mkdir -p "$here/tools" "$here/build/cpu"
  ln -s "$bin" "$here/build/cpu/bin"
  ln -s "$root/tools/configs" "$here/tools/configs"
  for script in build demo test; do
    printf '#!/bin/sh\n[ -x "%s/tools/%s.sh" ]\n' "$root" $script >"$here/tools/$script.sh"
    chmod +x "$here/tools/$script.sh"
  done
  awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/$document" |
    sed -E 's/^pcdata sample 600 /pcdata sample 100 /; s/ --epochs [0-9]+/ --epochs 1/' >"$here/commands"
  [ "$(grep -c '^[a-z]' "$here/commands")" -ge 7 ] || { echo "$document: fewer than 7 commands found"; exit 1; }
  if ! (cd "$here" && XDG_CACHE_HOME=$folder/cache bash -c '. ../prelude; . ./commands') >"$here/said" 2>&1; then
    tail -n 20 "$here/said"
    echo "$document: a command failed"
    exit 1
  fi
  echo "$document: $(grep -c '^[a-z]' "$here/commands") commands hold"
done

#!/bin/sh
# tools/docs/reference/manual.sh BIN SHARE: writes the man pages of the programs in BIN and their completions for bash, zsh and fish, from what
# they print about themselves, to where they belong below SHARE (/usr/local/share). Needs help2man.
set -eu
[ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
bin=$(cd "$1" && pwd)
share=$2
export COLUMNS=100 NO_COLOR=1 LC_ALL=C.UTF-8
wrappers=$(mktemp -d)
trap 'rm -rf "$wrappers"' EXIT
mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"

# page NAME PROGRAM [SUBCOMMAND]: help2man shows a line as it is if it begins with "$ ".
page() {
  name=$1
  shift
  printf '#!/bin/sh\n"%s/%s" %s "$@" | sed "s/^  pc/  $ pc/; s/^  curl/  $ curl/"\n' "$bin" "$1" "${2:-}" >"$wrappers/$name"
  chmod +x "$wrappers/$name"
  help2man --no-info --name "$("$wrappers/$name" --help | sed -n '1{s/\.$//;p}')" --output "$share/man/man1/$name.1" "$wrappers/$name"
}

for program in pctrain pcpredict pceval pcmerge pcindex pcserve pcconvert pcdata pcdoctor; do
  page $program $program
  "$bin/$program" --completion bash >"$share/bash-completion/completions/$program"
  "$bin/$program" --completion zsh >"$share/zsh/site-functions/_$program"
  "$bin/$program" --completion fish >"$share/fish/vendor_completions.d/$program.fish"
done
for command in fetch unpack inspect pack sample; do page pcdata-$command pcdata $command; done

#!/bin/sh
# Installs what a fresh Debian 12 machine lacks to build, test and run pc. Needs root (or sudo) only when something is missing.
set -eu
packages="build-essential cmake ninja-build ccache pkg-config git ca-certificates
 libdnnl-dev libfmt-dev libcli11-dev nlohmann-json3-dev libinih-dev libutf8proc-dev zlib1g-dev libssl-dev libcurl4-openssl-dev
 libjpeg62-turbo-dev libturbojpeg0-dev libspng-dev libwebp-dev libstb-dev libboost1.81-dev
 libgtest-dev libbenchmark-dev libzip-dev clang-format python3 strace jq help2man dataset-fashion-mnist"
# PC_ORACLES=yes, as tools/test.sh has it: the programs that the tests ask for a second opinion. Some come from PyPI, into the cache folder.
oracles=${XDG_CACHE_HOME:-$HOME/.cache}/pc/oracles
[ "${PC_ORACLES:-no}" = no ] || packages="$packages python3-torch python3-torchvision python3-pil python3-venv qemu-user chromium openssl zsh fish"
# What tools/fuzz.sh compiles with.
[ "${PC_FUZZER:-no}" = no ] || packages="$packages clang-14 libclang-rt-14-dev"

missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "setup: installing$missing" >&2
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  export DEBIAN_FRONTEND=noninteractive
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if [ "${PC_ORACLES:-no}" != no ] && ! "$oracles/bin/python3" -c 'import onnx, onnxruntime, timm, torch, PIL' 2>/dev/null; then
  echo "setup: installing onnxruntime and timm into $oracles" >&2
  { /usr/bin/python3 -m venv --system-site-packages "$oracles" &&
    "$oracles/bin/pip" install -q onnx==1.23.2 onnxruntime==1.32.0 pillow==13.0.0 timm==1.0.20 'numpy<2'; } ||
    echo "setup: PyPI gave none; the tests that need them are skipped" >&2
fi

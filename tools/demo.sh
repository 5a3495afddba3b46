#!/bin/sh
# tools/demo.sh [DATA [OPTION…]]: set-up, build of all programs, train, score, and predict an image the model has never seen, in minutes on a CPU.
#
# DATA is the Kaggle archive "Fashion Product Images (Small)" (.zip or folder), a folder with one folder per class, or IDX files. Without
# it: the archive that pcdata fetch left in the cache folder ($XDG_CACHE_HOME/pc), else Fashion-MNIST from Debian. Options go to pctrain.
# CUDA is compiled if there are a GPU and nvcc. $PC_PRESET names another build, $PC_RUNS another folder of runs.
set -eu
cd "$(dirname "$0")/.."
data=${1:-}
[ $# -eq 0 ] || shift
if [ -e /dev/nvidiactl ]; then preset=${PC_PRESET:-release}; else preset=${PC_PRESET:-cpu}; fi
runs=${PC_RUNS:-runs}
if [ -z "$data" ]; then
  downloaded=${XDG_CACHE_HOME:-$HOME/.cache}/pc/fashion-product-images-small.zip
  data=/usr/share/datasets/fashion-mnist
  [ ! -f "$downloaded" ] || data=$downloaded
fi
[ -e "$data" ] || [ "$data" = /usr/share/datasets/fashion-mnist ] || { echo "demo: $data: no such file or folder" >&2; exit 4; }
echo "demo: 1 of 3, packages and build: about 5 minutes on two idle cores, longer on a busy machine" >&2
tools/build.sh "$preset" programs

config=tools/configs/demo.ini epochs=
case $data in */fashion-mnist*) config=tools/configs/fashion-mnist.ini epochs="--epochs 4" ;; esac
name=demo-$(basename "$data" .zip)
bin=build/$preset/bin
echo "demo: 2 of 3, training on $data: minutes; each epoch tells how much is left" >&2
# shellcheck disable=SC2086
$bin/pctrain "$config" --name "$name" --runs "$runs" --set data.root="$data" $epochs "$@"

image=$(find "$runs/$name/held_back" -name '*.png' | sort | head -n 1)
model=$runs/$name/model.safetensors
echo "demo: 3 of 3, predicting an image held back from training" >&2
echo
echo "An image held back from training; its true labels are in its name:"
$bin/pcpredict --model "$model" --top-k 3 "$image"
cat <<END

What to do next:
  $bin/pcpredict -m $model YOUR.jpg     # your own image
  $bin/pcserve -m $model                # a page to try images on, in the browser
  $bin/pctrain YOUR_FOLDER              # your own classes: one folder of images for each
  $runs/$name/report.html   # how good this model is, and where it fails
END

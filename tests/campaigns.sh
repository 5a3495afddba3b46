#!/bin/sh
# tests/campaigns.sh BIN DIR: what the campaigns work on, in DIR: images/, photo.jpg, and two models with the same heads, one.safetensors and other.safetensors.
set -eu
bin=$(cd "$1" && pwd)
mkdir -p "$2"
cd "$2"
rm -rf shop shop.zip images runs
"$bin/pcdata" sample 300 shop
for seed in 1 2; do
  "$bin/pctrain" shop --arch smallcnn --size 60x80 --labels masterCategory,articleType --epochs 1 --seed $seed --name $seed >/dev/null
done
cp runs/1/model.safetensors one.safetensors
cp runs/2/model.safetensors other.safetensors
mkdir images
find shop/images -name '*.jpg' | sort | head -n 40 | xargs cp -t images
cp "$(find images -name '*.jpg' | sort | head -n 1)" photo.jpg

#!/bin/sh
# tests/words.sh [DIR]: no identifier and no file name in the C++ code uses a word that the project has replaced by the field's own.
#
# Comments and strings are left out of account. An identifier counts in its parts: GatherPlace is gather_place, so it matches the
# pattern "place"; replace and placement do not. A line of the list: pattern, directories (or the beginning of
# paths) in which it holds, the word to use.
set -eu
cd "${1:-$(dirname "$0")/..}"

list() {
  cat <<'LIST'
octets? :: kernels engine tests bench :: vec8, kVecWidth
cuts? :: kernels/batch_norm kernels/norm_mean kernels/norm_pool kernels/norm_conv :: tiling
places? :: kernels/batch_norm kernels/conv2d kernels/max_pool kernels/norm_conv kernels/norm_mean kernels/norm_pool :: coord
(gather|pool|batch_norm)_places? :: all :: coord
stripes? :: kernels :: partials
join\w* :: kernels/batch_norm kernels/norm_mean kernels/norm_pool kernels/norm_conv :: combine
join_(moments|stripes|gradients) :: all :: combine
spread\w* :: kernels :: broadcast
hands?_out :: all :: write_partials
speaks_for_all :: all :: is_channel_leader
launch_together :: all :: launch_cooperative
ready_moments :: all :: moments_from_sums
narrow(er)? :: kernels engine :: f16, bf16
wider? :: kernels engine :: f32
side_by_side :: all :: run_concurrently
hold :: kernels engine :: DeferredFree
marks? :: kernels engine :: event
staged :: kernels engine :: UploadRing
tall(y|ies) :: all :: running_metrics
take_sum :: all :: take_partial_grad
(?<!pool_)windows? :: kernels/conv2d kernels/norm_conv engine models tests/cuda tests/models tools/weights bench :: kernel_size
words? :: kernels/conv2d :: element
rooms? :: all :: scratch (memory), free space (disk)
fitted :: kernels engine models :: with_channels
strangers? :: all :: out_of_distribution, file_type_hint
shr[iu]nk\w*(?<!shrink_to_fit) :: data tools tests/data bench :: resize
slant\w* :: all :: shear
soups? :: all :: weight average
\w*colour\w* :: all :: color
\w*centre\w* :: all :: center
centring :: all :: centering
\w*neighbour\w* :: all :: neighbor
\w*catalogue\w* :: all :: catalog
\w*(labell|modell|travell|cancell(?!ation))\w* :: all :: one l
\w*(favour|honour|behaviour)\w* :: all :: or, not our
grey\w* :: all :: gray
licence\w* :: all :: license
\w*(normal|real|initial|serial|optim|organ|quant|recogn|summar|synchron|visual|general|equal)is(e|ed|es|er|ers|ing|ation|ations) :: all :: iz, not is
analys(e|ed|er|ers|ing) :: all :: analyze
LIST
}

list | python3 /dev/fd/3 3<<'PROGRAM'
import os, re, sys

CODE = (".h", ".cpp", ".cu", ".cuh")
# Numbers first: their separators look like the quotes of a character.
SKIPPED = re.compile(r"""(?P<number>\b[0-9](?:[\w.]|'(?=\w))*) | //[^\n]* | /\*.*?\*/ | R"(?P<end>[^("]*)\(.*?\)(?P=end)"
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X)


def blank(match):  # the lines keep their numbers
    return match["number"] or "\n" * match[0].count("\n") or " "


def parts(identifier):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", identifier).lower()


TOPS = ("kernels", "engine", "models", "data", "tools", "tests", "bench")
rules = []
for line in sys.stdin:
    pattern, scope, word = (part.strip() for part in line.split(" :: "))
    rules.append((re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])"), TOPS if scope == "all" else tuple(scope.split()), word))


def code_files():
    for top in TOPS:
        for directory, _, names in sorted(os.walk(top)):
            yield from (os.path.join(directory, name) for name in sorted(names) if name.endswith(CODE))


hits = 0
for path in code_files():
    with open(path, encoding="utf-8") as file:
        text = os.path.basename(path) + "\n" + SKIPPED.sub(blank, file.read())  # line 0 is the file's name
    here = [(pattern, word) for pattern, scope, word in rules if path.startswith(scope)]
    identifiers = set(re.findall(r"[A-Za-z_]\w*", text))
    for identifier, word in sorted((i, word) for i in identifiers for pattern, word in here if pattern.search(parts(i))):
        for number, line in enumerate(text.split("\n")):
            if re.search(rf"\b{identifier}\b", line):
                print(f"{path}:{number}: {identifier} -> use {word}")
                hits += 1
sys.exit(hits > 0)
PROGRAM

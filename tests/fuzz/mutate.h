// Mutations that keep the outside of a format valid, so that the inside is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>

// Of libFuzzer, or of replay.cpp: changes data[0, size) in place, at most to `most` bytes; returns the new size.
extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t most);
// libFuzzer calls it in place of its own mutations where a target defines it.
extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

namespace pc::fuzz {

using Random = std::minstd_rand;

// A plain mutation of the text, at most to `most` bytes.
void mutate(std::string& text, std::size_t most);

// The body of a LLVMFuzzerCustomMutator: one of four inputs is changed byte by byte, the others by `change`. What grows
// over `most` is cut off.
std::size_t mutate_with(uint8_t* data, std::size_t size, std::size_t most, unsigned seed,
                        const std::function<void(std::string& input, Random&)>& change);

// A zip archive with one record's name or bytes changed, or one record dropped or doubled; its sizes, checksums and
// directory are written anew. An input that is no archive becomes the record "a/data.pkl" of one.
void mutate_zip(std::string& archive, Random& random);

}  // namespace pc::fuzz

// safetensors files in memory, well-formed or not.
#pragma once

#include <cstring>
#include <span>
#include <string>

#include "engine/safetensors.h"
#include "tests/support.h"

namespace pc::test {

inline std::string safetensors(const std::string& header, std::size_t data_bytes, uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\x01');
}
inline std::string safetensors(const std::string& header, std::size_t data_bytes) {
  return safetensors(header, data_bytes, header.size());
}

inline WeightFile parse(const std::string& bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  return parse_safetensors(std::as_bytes(std::span(owner->data(), owner->size())), owner, "t.safetensors");
}

// "" where the file is read, else the message; checks the exit code on the way.
inline std::string complaint(const std::string& bytes, Exit code = Exit::data) {
  return refusal([&] { parse(bytes); }, code);
}

}  // namespace pc::test

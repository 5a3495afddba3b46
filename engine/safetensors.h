// The safetensors format: u64 header length, JSON header, tensor bytes (https://huggingface.co/docs/safetensors).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/file_type.h"
#include "engine/tensor.h"

namespace pc {

// One tensor of a weight file: its bytes are row-major, little-endian, kept alive by `owner`; filters are OIHW, as
// PyTorch has them.
struct FileTensor {
  std::string name;
  FileType type = FileType::f32;
  Shape shape;
  const std::byte* data = nullptr;  // as the file has it: not always aligned to the type
  std::shared_ptr<const void> owner;
  int64_t size() const { return element_count(shape); }
  std::size_t bytes() const { return std::size_t(size()) * size_of(type); }
  // On the CPU: f32 and u8 borrow the file's memory (f32 is copied where the file misaligns it), f64, f16 and bf16
  // become f32, I64 and I32 become i32. Error(data) for other types and for an I64 value that i32 cannot hold.
  Tensor tensor() const;
};

struct WeightFile {
  std::vector<FileTensor> tensors;              // in file order
  std::map<std::string, std::string> metadata;  // safetensors' __metadata__
  const FileTensor* find(const std::string& name) const;
};

// The format allows headers of 100 MB. These without the spaces that pad one are enough for 90,000 tensors, and keep a
// hostile header's memory small.
constexpr uint64_t max_header_bytes = 8'000'000;

// Maps the file; no tensor byte is read or copied. Errors: Error(data) naming file, tensor and what is wrong; every
// offset, product and key is checked (no overlap, no hole, exact coverage, no duplicate key, at most 8 dimensions).
// Error(limit) over 100,000 tensors or max_header_bytes.
WeightFile read_safetensors(const std::filesystem::path& path);

// The same for bytes in memory, kept alive by `owner`; `name` stands for the file in messages.
WeightFile parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& name);

// Deterministic and atomic: the same tensors in any order give the same file. Wider types come first, then names in
// byte order, so every tensor is aligned to its type. Error(data) for a duplicate, reserved or non-UTF-8 name,
// Error(limit) over max_header_bytes, Error(file) for the disk.
void write_safetensors(const std::filesystem::path& path, const WeightFile& file);

// The product of the sizes; false where it, or the product of the sizes that are not 0, does not fit int64.
bool checked_element_count(const Shape& shape, int64_t& count);

}  // namespace pc

// The safetensors format: u64 header length, JSON header, tensor bytes (https://huggingface.co/docs/safetensors).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace pc {

// Types that files may hold beside the engine's own.
enum class FileType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };
std::size_t size_of(FileType);
const char* name_of(FileType);  // safetensors names: "F32", "BF16", "I64", …

// One tensor of a weight file: its bytes are row-major, little-endian, kept alive by `owner`.
struct FileTensor {
  std::string name;
  FileType type = FileType::f32;
  Shape shape;
  const std::byte* data = nullptr;
  std::shared_ptr<const void> owner;
  int64_t size() const { return element_count(shape); }
  std::size_t bytes() const { return std::size_t(size()) * size_of(type); }
  // On the CPU: f32 borrows the file's memory, f64, f16 and bf16 become f32, I64 and I32 become i32. Error(data) for others.
  Tensor tensor() const;
};

struct WeightFile {
  std::vector<FileTensor> tensors;              // in file order
  std::map<std::string, std::string> metadata;  // safetensors' __metadata__
  const FileTensor* find(const std::string& name) const;
};

// Maps the file; no tensor byte is read or copied. Errors: Error(data) naming file, tensor and what is wrong; every offset, product
// and key is checked (header <= 100 MB, no overlap, no hole, exact coverage, no duplicate key).
WeightFile read_safetensors(const std::filesystem::path& path);

// Deterministic (tensors by name, keys sorted), atomic. Data is 8-byte aligned.
void write_safetensors(const std::filesystem::path& path, const WeightFile& file);

}  // namespace pc

// The safetensors format: u64 header length, JSON header, tensor bytes (https://huggingface.co/docs/safetensors).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/file_type.h"
#include "engine/tensor.h"

namespace pc {

class MappedFile;

// One tensor of a weight file: its bytes are row-major, little-endian, kept alive by `owner`; filters are OIHW, as
// PyTorch has them.
struct FileTensor {
  std::string name;
  FileType type = FileType::f32;
  Shape shape;
  const std::byte* data = nullptr;  // in the file: not always aligned to the type
  std::shared_ptr<const void> owner;
  int64_t size() const { return element_count(shape); }
  std::size_t bytes() const { return std::size_t(size()) * size_of(type); }
  // On the CPU: f32 and u8 borrow the file's memory (f32 is copied if the file misaligns it), f64, f16 and bf16
  // become f32, I64 and I32 become i32. Error(data) for other types and for an I64 value that i32 cannot hold.
  Tensor tensor() const;
};

struct WeightFile {
  std::vector<FileTensor> tensors;              // in file order
  std::map<std::string, std::string> metadata;  // safetensors' __metadata__
  std::vector<std::string> notes;               // for people: what a reader chose among several, or changed
  std::shared_ptr<const MappedFile> mapped;     // where the tensors' bytes lie; null: in memory
  // Whoever took bytes of the tensors calls it after that; load_state_dict() and the writers do. Error(file) where the
  // file changed since it was opened: the bytes may be of two files.
  void check_unchanged() const;
  const FileTensor* find(const std::string& name) const;
};

// The format allows headers of 100 MB. This limit, without padding spaces, is enough for 90,000 tensors and bounds the
// memory that a hostile header takes.
constexpr uint64_t kMaxHeaderBytes = 8'000'000;

// Maps the file; no tensor byte is read or copied. Errors: Error(data) naming file, tensor and what is wrong; every
// offset, product and key is checked (no overlap, no hole, exact coverage, no duplicate key, at most 8 dimensions).
// Error(limit) over 100,000 tensors or kMaxHeaderBytes.
WeightFile read_safetensors(const std::filesystem::path& path);

// The same with the bytes read into memory, once, and checked: for what outlives the file, or must not see it change.
WeightFile load_safetensors(const std::filesystem::path& path);

// Maps the file for another parser; what that finds wrong in a file that changed meanwhile is reported as the change.
WeightFile read_mapped(const std::filesystem::path& path,
                       const std::function<WeightFile(const std::shared_ptr<const MappedFile>&)>& parse);

// The same for bytes in memory, kept alive by `owner`; messages use `name` for the file.
WeightFile parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& name);

int64_t count_nonfinite(const FileTensor& tensor);

// The product of the sizes; false if it, or the product of the sizes that are not 0, does not fit in int64.
bool checked_element_count(const Shape& shape, int64_t& count);

}  // namespace pc

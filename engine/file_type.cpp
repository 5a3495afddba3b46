#include "engine/file_type.h"

namespace pc {

static_assert(std::endian::native == std::endian::little,
              "weight files are little-endian and are used where they are mapped");

std::size_t size_of(FileType type) {
  switch (type) {
    case FileType::f64:
    case FileType::i64:
      return 8;
    case FileType::f32:
    case FileType::i32:
      return 4;
    case FileType::f16:
    case FileType::bf16:
    case FileType::i16:
      return 2;
    case FileType::i8:
    case FileType::u8:
    case FileType::boolean:
      return 1;
  }
  return 0;
}

const char* name_of(FileType type) {
  switch (type) {
    case FileType::f64:
      return "F64";
    case FileType::f32:
      return "F32";
    case FileType::f16:
      return "F16";
    case FileType::bf16:
      return "BF16";
    case FileType::i64:
      return "I64";
    case FileType::i32:
      return "I32";
    case FileType::i16:
      return "I16";
    case FileType::i8:
      return "I8";
    case FileType::u8:
      return "U8";
    case FileType::boolean:
      return "BOOL";
  }
  return "?";
}

}  // namespace pc

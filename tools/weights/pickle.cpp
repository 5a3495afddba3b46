#include "tools/weights/pickle.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "tools/weights/pickle_reader.h"

namespace pc {

const char* name_of(PickleValue::Kind kind) {
  switch (kind) {
    case PickleValue::Kind::none:
      return "None";
    case PickleValue::Kind::boolean:
      return "bool";
    case PickleValue::Kind::integer:
      return "int";
    case PickleValue::Kind::real:
      return "float";
    case PickleValue::Kind::string:
      return "str";
    case PickleValue::Kind::tuple:
      return "tuple";
    case PickleValue::Kind::list:
      return "list";
    case PickleValue::Kind::dict:
      return "dict";
    case PickleValue::Kind::storage:
      return "storage";
    case PickleValue::Kind::tensor:
      return "tensor";
    case PickleValue::Kind::storage_type:
      return "storage type";
    case PickleValue::Kind::function:
      return "function";
  }
  return "?";
}

const char* storage_name(FileType type) {
  switch (type) {
    case FileType::f64:
      return "DoubleStorage";
    case FileType::f32:
      return "FloatStorage";
    case FileType::f16:
      return "HalfStorage";
    case FileType::bf16:
      return "BFloat16Storage";
    case FileType::i64:
      return "LongStorage";
    case FileType::i32:
      return "IntStorage";
    case FileType::i16:
      return "ShortStorage";
    case FileType::i8:
      return "CharStorage";
    case FileType::u8:
      return "ByteStorage";
    case FileType::boolean:
      return "BoolStorage";
  }
  return "?";
}

bool PickledTensor::contiguous() const {
  int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  for (std::size_t i = dict.items.size(); i > 0; i -= 2) {
    const PickleValue& k = values[dict.items[i - 2]];
    if (k.kind == PickleValue::Kind::string && k.string == key) return &values[dict.items[i - 1]];
  }
  return nullptr;
}

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file) {
  PickleReader reader(bytes, file, 0, 5);
  Pickle p = reader.read();
  if (reader.end() != bytes.size())
    fail(Exit::data, fmt::format("{}: {} bytes behind STOP", file, bytes.size() - reader.end()));
  return p;
}

Pickle read_stacked_pickle(std::span<const std::byte> bytes, std::size_t& at, const std::string& file) {
  PickleReader reader(bytes, file, at, 6);
  Pickle p = reader.read();
  at = reader.end();
  return p;
}

}  // namespace pc

#include "engine/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr uint64_t kFormatMaxHeaderBytes = 100'000'000;
constexpr std::size_t kMaxEntries = 100'000, kMaxRank = 8;

std::optional<FileType> type_from_name(const std::string& name) {
  for (FileType t : kAllFileTypes)
    if (name == name_of(t)) return t;
  return std::nullopt;
}

struct Entry {
  FileTensor tensor;
  Shape offsets;
  bool has_type = false, has_shape = false, has_offsets = false;
};

// Accepts the header's JSON events only in the order that the schema allows. No document is built, so nesting and
// duplicate keys are rejected immediately and memory is proportional to the number of tensors.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override { unexpected(fmt::format("the number {}", value)); }
  bool number_float(number_float_t, const string_t& text) override {
    unexpected(fmt::format("the number {}", printable(text)));
  }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ != State::numbers) unexpected(fmt::format("the number {}", value));
    const std::size_t limit = numbers_ == &entries.back().offsets ? 2 : kMaxRank;
    if (numbers_->size() == limit) refuse(fmt::format("more than {} numbers in \"{}\"", limit, field_));
    if (value > uint64_t(std::numeric_limits<int64_t>::max()))
      refuse(fmt::format("the number {} in \"{}\" is too large", value, field_));
    numbers_->push_back(int64_t(value));
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      metadata[key_] = std::move(value);
    } else if (state_ == State::entry && field_ == "dtype") {
      const auto type = type_from_name(value);
      if (!type) refuse(fmt::format("dtype \"{}\" is not supported", printable(value)));
      entries.back().tensor.type = *type;
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (state_ == State::start) {
      state_ = State::names;
    } else if (state_ == State::value) {
      state_ = name_ == "__metadata__" ? State::metadata : State::entry;
      if (state_ == State::entry) entries.emplace_back().tensor.name = name_;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool end_object() override {
    if (state_ == State::entry) {
      const Entry& e = entries.back();
      if (!e.has_type || !e.has_shape || !e.has_offsets) refuse("needs dtype, shape and data_offsets");
      if (e.offsets.size() != 2) refuse("data_offsets needs 2 numbers");
    }
    state_ = state_ == State::names ? State::done : State::names;
    name_.clear(), field_.clear();
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ != State::entry || (field_ != "shape" && field_ != "data_offsets")) unexpected("an array");
    numbers_ = field_ == "shape" ? &entries.back().tensor.shape : &entries.back().offsets;
    state_ = State::numbers;
    return true;
  }

  bool end_array() override {
    state_ = State::entry;
    return true;
  }

  bool key(string_t& text) override {
    if (state_ == State::names) {
      if (!names_.insert(text).second)
        fail(Exit::data, fmt::format("{}: duplicate name \"{}\"", file_, printable(text)));
      if (names_.size() > kMaxEntries) fail(Exit::limit, fmt::format("{}: more than {} tensors", file_, kMaxEntries));
      name_ = std::move(text);
      state_ = State::value;
    } else if (state_ == State::metadata) {
      key_ = std::move(text);
      if (!metadata.emplace(key_, "").second) refuse(fmt::format("duplicate key \"{}\"", printable(key_)));
      if (metadata.size() > kMaxEntries)
        fail(Exit::limit, fmt::format("{}: more than {} metadata keys", file_, kMaxEntries));
    } else {
      Entry& e = entries.back();
      bool* seen = text == "dtype" ? &e.has_type : text == "shape" ? &e.has_shape : &e.has_offsets;
      if (text != "dtype" && text != "shape" && text != "data_offsets")
        refuse(fmt::format("unknown key \"{}\"", printable(text)));
      if (*seen) refuse(fmt::format("duplicate key \"{}\"", printable(text)));
      *seen = true;
      field_ = std::move(text);
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail(Exit::data, fmt::format("{}: the header is not valid JSON at its byte {}", file_, position));
  }

 private:
  enum class State { start, names, value, entry, numbers, metadata, done };

  [[noreturn]] void refuse(const std::string& what) const {
    fail(Exit::data, fmt::format("{}: \"{}\": {}", file_, printable(name_), what));
  }
  [[noreturn]] void unexpected(const std::string& what) const {
    if (state_ == State::start)
      fail(Exit::data, fmt::format("{}: the header holds {} instead of an object", file_, what));
    refuse(field_.empty() ? what + " where it may not be"
                          : fmt::format("{} where it may not be, in \"{}\"", what, field_));
  }

  std::string file_, name_, field_, key_;
  State state_ = State::start;
  Shape* numbers_ = nullptr;
  std::unordered_set<std::string> names_;
};

// Shape times type size must be the extent of the offsets, computed with overflow checks.
void check_entry(const Entry& e, const std::string& file) {
  auto refuse = [&](const std::string& what) {
    fail(Exit::data, fmt::format("{}: \"{}\": {}", file, printable(e.tensor.name), what));
  };
  int64_t count = 0, bytes = 0;
  if (!checked_element_count(e.tensor.shape, count) ||
      __builtin_mul_overflow(count, int64_t(size_of(e.tensor.type)), &bytes))
    refuse(fmt::format("shape {} overflows", to_string(e.tensor.shape)));
  const int64_t begin = e.offsets[0], end = e.offsets[1];
  if (begin > end) refuse(fmt::format("data_offsets [{}, {}] run backwards", begin, end));
  if (end - begin != bytes)
    refuse(fmt::format("data_offsets span {} bytes, {} {} needs {}", end - begin, name_of(e.tensor.type),
                       to_string(e.tensor.shape), bytes));
}

// The extents, sorted, must cover the data from its first byte to its last: no overlaps, no gaps.
void check_coverage(const std::vector<Entry>& entries, uint64_t header_bytes, uint64_t file_bytes,
                    const std::string& file) {
  int64_t covered = 0;
  for (const Entry& e : entries) {
    if (e.offsets[0] != covered)
      fail(Exit::data,
           fmt::format(
               "{}: \"{}\" begins at {} of the data, {} {}", file, printable(e.tensor.name), e.offsets[0],
               e.offsets[0] < covered ? "overlapping the tensor before it, which ends at" : "leaving a hole after",
               covered));
    covered = e.offsets[1];
  }
  const uint64_t expected = header_bytes + uint64_t(covered);
  if (file_bytes < expected) fail(Exit::data, truncated(file, file_bytes, expected));
  if (file_bytes > expected)
    fail(Exit::data, fmt::format("{}: {} bytes after the last tensor", file, file_bytes - expected));
}

}  // namespace

WeightFile parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& name) {
  uint64_t header = 0;
  if (bytes.size() < sizeof header)
    fail(Exit::data, fmt::format("{}: not a safetensors file: {} bytes", name, bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()), sizeof header);
  if (header > kFormatMaxHeaderBytes && (begin.starts_with("PK\x03\x04") || begin.starts_with("\x80\x02\x8a\x0a")))
    fail(Exit::data, name + ": looks like PyTorch's .pth, not safetensors; pcconvert turns one into the other");
  if (header > kFormatMaxHeaderBytes && (bytes.size() == sizeof header || bytes[sizeof header] != std::byte('{')))
    fail(Exit::data, name + ": not a safetensors file");
  if (header > kFormatMaxHeaderBytes)
    fail(Exit::data, fmt::format("{}: a header of {} bytes is over the {} that safetensors allows", name, header,
                                 kFormatMaxHeaderBytes));
  if (header > bytes.size() - sizeof header)
    fail(Exit::data, fmt::format("{}: truncated: {}, where the header alone takes {}; download it again", name,
                                 size_text(bytes.size()), size_text(sizeof header + header)));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof header, header);
  text = text.substr(0, text.find_last_not_of(' ') + 1);  // writers pad with spaces
  if (text.size() > kMaxHeaderBytes)
    fail(Exit::limit, fmt::format("{}: a header of {} is over the {} that are read", name, size_text(text.size()),
                                  size_text(kMaxHeaderBytes)));
  // The JSON lexer skips a byte order mark and takes a NUL for the end of its input.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || text[first] != '{')
    fail(Exit::data, fmt::format("{}: not a safetensors file: the header does not begin with {{", name));
  if (const auto nul = text.find('\0'); nul != text.npos)
    fail(Exit::data, fmt::format("{}: the header has a NUL at its byte {}", name, nul));

  HeaderReader reader(name);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  const auto data = bytes.subspan(sizeof header + header);
  for (const Entry& e : reader.entries) check_entry(e, name);
  std::stable_sort(reader.entries.begin(), reader.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  check_coverage(reader.entries, sizeof header + header, bytes.size(), name);

  WeightFile file;
  file.metadata = std::move(reader.metadata);
  for (Entry& e : reader.entries) {
    e.tensor.data = data.data() + e.offsets[0];
    e.tensor.owner = owner;
    file.tensors.push_back(std::move(e.tensor));
  }
  return file;
}

WeightFile read_safetensors(const std::filesystem::path& path) {
  return read_mapped(path, [&](const std::shared_ptr<const MappedFile>& file) {
    return parse_safetensors(file->bytes(), file, path.string());
  });
}

WeightFile read_mapped(const std::filesystem::path& path,
                       const std::function<WeightFile(const std::shared_ptr<const MappedFile>&)>& parse) {
  const auto file = MappedFile::open(path);
  try {
    WeightFile weights = parse(file);
    weights.mapped = file;
    return weights;
  } catch (const Error&) {
    file->check_unchanged();  // the better cause
    throw;
  }
}

void WeightFile::check_unchanged() const {
  if (mapped) mapped->check_unchanged();
}

WeightFile load_safetensors(const std::filesystem::path& path) {
  const auto bytes = std::make_shared<const std::string>(read_file(path));
  return parse_safetensors(std::as_bytes(std::span(*bytes)), bytes, path.string());
}

const FileTensor* WeightFile::find(const std::string& name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const FileTensor& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

bool checked_element_count(const Shape& shape, int64_t& count) {
  int64_t nonzero = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) return false;
    empty |= d == 0;
    if (__builtin_mul_overflow(nonzero, std::max<int64_t>(d, 1), &nonzero)) return false;
  }
  count = empty ? 0 : nonzero;
  return true;
}

int64_t count_nonfinite(const FileTensor& tensor) {
  int64_t count = 0;
  for_each_value(tensor.type, tensor.data, tensor.size(), [&](auto value) { count += !std::isfinite(value); });
  return count;
}

Tensor FileTensor::tensor() const {
  const bool aligned = reinterpret_cast<uintptr_t>(data) % size_of(type) == 0;
  if (type == FileType::f32 && aligned) return Tensor::borrow(shape, DType::f32, data, owner);
  if (type == FileType::u8) return Tensor::borrow(shape, DType::u8, data, owner);
  switch (type) {
    case FileType::f32:
    case FileType::f64:
    case FileType::f16:
    case FileType::bf16: {
      Tensor t(shape, DType::f32, Device::cpu);
      for_each_value(type, data, size(), [out = t.as<float>()](auto value) mutable { *out++ = float(value); });
      return t;
    }
    case FileType::i64:
    case FileType::i32: {
      Tensor t(shape, DType::i32, Device::cpu);
      bool fits = true;
      for_each_value(type, data, size(), [&fits, out = t.as<int32_t>()](auto value) mutable {
        fits &= value == decltype(value)(int32_t(value));
        *out++ = int32_t(value);
      });
      if (!fits) fail(Exit::data, fmt::format("\"{}\": a value does not fit 32 bits", printable(name)));
      return t;
    }
    default:
      fail(Exit::data, fmt::format("\"{}\": {} tensors cannot be used as weights", printable(name), name_of(type)));
  }
}

}  // namespace pc

// Records stored as they are, each beginning at a multiple of 64 bytes.
#include "tools/weights/zip_write.h"

#include <fmt/format.h>
#include <zlib.h>

#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::weights {
namespace {

constexpr std::size_t kAlignment = 64, kLocalHeaderBytes = 30, kExtraHeaderBytes = 4;

// Fields are appended in the order that APPNOTE.TXT has them.
class Record {
 public:
  Record& u16(std::size_t value) { return number(uint16_t(value)); }
  Record& u32(std::size_t value) { return number(uint32_t(value)); }
  Record& text(const std::string& value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  Record& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  std::string bytes_;
};

// What the local header and the directory say alike: version, flags, method, time, date, checksum, sizes, name's
// length. The date is 1980-01-01, so that equal weights give equal files.
void common_fields(Record& r, const ZipPart& part, uint32_t crc) {
  constexpr std::size_t kFirstOfJanuary1980 = 0x21;
  r.u16(20).u16(0).u16(0).u16(0).u16(kFirstOfJanuary1980).u32(crc);
  r.u32(part.data.size()).u32(part.data.size()).u16(part.name.size());
}

// PyTorch's way to align: an extra field "FB" full of Z.
std::string padding(std::size_t offset, const std::string& name) {
  const std::size_t data = offset + kLocalHeaderBytes + name.size() + kExtraHeaderBytes;
  const std::size_t fill = (kAlignment - data % kAlignment) % kAlignment;
  return Record().text("FB").u16(fill).text(std::string(fill, 'Z')).bytes();
}

}  // namespace

void write_zip(const std::filesystem::path& path, const std::vector<ZipPart>& parts,
               const std::function<void()>& check_source) {
  constexpr std::size_t kMostParts = 0xfffe, kMostBytes = 0xfffffffeu;
  const auto check = [&](std::size_t bytes) {
    if (parts.size() > kMostParts || bytes > kMostBytes)
      fail(Exit::limit, path.string() + ": over 4 GB or 65,000 tensors; write OUT.safetensors instead");
  };
  write_file_atomically(path, [&](const FileSink& sink) {
    Record directory;
    std::size_t offset = 0;
    for (const ZipPart& part : parts) {
      const auto crc = uint32_t(
          ::crc32_z(::crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(part.data.data()), part.data.size()));
      const std::string extra = padding(offset, part.name);
      Record local;
      common_fields(local.u32(0x04034b50), part, crc);
      local.u16(extra.size()).text(part.name).text(extra);
      common_fields(directory.u32(0x02014b50).u16(20), part, crc);
      directory.u16(0).u16(0).u16(0).u16(0).u32(0).u32(offset).text(part.name);
      sink(local.bytes().data(), local.bytes().size());
      sink(part.data.data(), part.data.size());
      offset += local.bytes().size() + part.data.size();
      check(offset);
    }
    check(offset + directory.bytes().size());
    Record end;
    end.u32(0x06054b50).u16(0).u16(0).u16(parts.size()).u16(parts.size());
    end.u32(directory.bytes().size()).u32(offset).u16(0);
    sink(directory.bytes().data(), directory.bytes().size());
    sink(end.bytes().data(), end.bytes().size());
    check_source();
  });
}

}  // namespace pc::weights

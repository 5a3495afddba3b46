#include "data/zip_unpack.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

#include "kernels/base/error.h"

namespace pc {
namespace {

using Sink = std::function<void(std::span<const std::byte>)>;

constexpr std::size_t kChunk = std::size_t(64) << 10;

class Inflater {
 public:
  Inflater(std::span<const std::byte> packed, const std::string& name) : packed_(packed), name_(name) {
    if (inflateInit2(&z_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&z_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The next bytes, at most `most`; none at the end.
  std::span<const std::byte> next(uint64_t most) {
    const std::size_t capacity = std::min<uint64_t>(most, chunk_.size());
    z_.next_out = reinterpret_cast<Bytef*>(chunk_.data());
    z_.avail_out = uInt(capacity);
    while (z_.avail_out > 0 && !ended_) {
      if (z_.avail_in == 0) feed();
      const int code = ::inflate(&z_, Z_NO_FLUSH);
      ended_ = code == Z_STREAM_END;
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      if (code != Z_OK && !ended_)
        fail(Exit::data, fmt::format("{}: damaged in the archive ({})", name_,
                                     code == Z_BUF_ERROR ? "the packed bytes end too early"
                                     : z_.msg            ? z_.msg
                                                         : "?"));
    }
    return std::span(chunk_).first(capacity - z_.avail_out);
  }
  bool all_used() const { return packed_.empty() && z_.avail_in == 0; }

 private:
  void feed() {  // zlib counts its input in 32 bits
    const std::size_t n = std::min<std::size_t>(packed_.size(), std::size_t(1) << 30);
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed_.data()));
    z_.avail_in = uInt(n);
    packed_ = packed_.subspan(n);
  }

  std::span<const std::byte> packed_;
  const std::string& name_;
  z_stream z_{};
  bool ended_ = false;
  std::array<std::byte, kChunk> chunk_;
};

}  // namespace

void unpack_record(const ZipRecord& record, const std::string& name, const Sink& sink) {
  uint64_t left = record.bytes;
  uLong crc = ::crc32_z(0, nullptr, 0);
  const auto send = [&](std::span<const std::byte> part) {
    if (part.size() > left)
      fail(Exit::data,
           fmt::format("{}: damaged in the archive (holds more than the {} bytes it declares)", name, record.bytes));
    left -= part.size();
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
    sink(part);
  };
  if (record.compressed) {
    Inflater inflater(record.data, name);
    // One byte too many shows that there are more.
    const auto next = [&] { return inflater.next(left < kChunk ? left + 1 : kChunk); };
    for (auto part = next(); !part.empty(); part = next()) send(part);
    if (!inflater.all_used())
      fail(Exit::data, fmt::format("{}: damaged in the archive (bytes behind the end of the packed data)", name));
  } else {
    for (std::size_t at = 0; at < record.data.size(); at += kChunk)
      send(record.data.subspan(at, std::min(kChunk, record.data.size() - at)));
  }
  if (left > 0)
    fail(Exit::data, fmt::format("{}: damaged in the archive (holds {} of the {} bytes it declares)", name,
                                 record.bytes - left, record.bytes));
  if (crc != record.crc32)
    fail(Exit::data,
         fmt::format("{}: damaged in the archive (CRC-32 {:08x}, the directory says {:08x})", name, crc, record.crc32));
}

}  // namespace pc

#include "kernels/base/base64.h"

#include <openssl/evp.h>

namespace pc {

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
  text.resize(std::size_t(size));
  return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<std::byte> bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), int(text.size()));
  if (size < 0 || std::size_t(size) != bytes.size()) return std::nullopt;
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '=' && text.size() - i < 2; --i) bytes.pop_back();
  return bytes;
}

}  // namespace pc

#include "kernels/base/sha256.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "kernels/base/error.h"

namespace pc {

std::array<std::byte, 32> sha256(std::span<const std::byte> bytes) {
  // Without this, libcrypto reads the system's openssl.cnf, which may name libraries to load.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  std::array<std::byte, 32> digest;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
                 nullptr) != 1)
    fail(Exit::file, "libcrypto cannot compute SHA-256");
  return digest;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::string hex;
  for (const std::byte b : sha256(bytes)) hex += fmt::format("{:02x}", std::to_integer<int>(b));
  return hex;
}

}  // namespace pc

// SHA-256 by OpenSSL (Debian's libcrypto.a), as fast as the processor's instructions allow.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace enclavisor::runtime {

std::array<std::byte, 32> sha256(std::span<const std::byte> data);

}  // namespace enclavisor::runtime

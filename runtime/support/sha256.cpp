#include "runtime/support/sha256.hpp"

#include <bearssl/bearssl_hash.h>

#include "runtime/support/borrowed_processor.hpp"

namespace enclavisor::runtime {

std::array<std::byte, 32> sha256(std::span<const std::byte> data) {
    const BorrowedProcessor borrowed;
    br_sha256_context context;
    br_sha256_init(&context);
    br_sha256_update(&context, data.data(), data.size());
    std::array<std::byte, 32> digest;
    br_sha256_out(&context, digest.data());
    return digest;
}

}  // namespace enclavisor::runtime

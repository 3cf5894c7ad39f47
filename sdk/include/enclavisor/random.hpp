// Random numbers of the enclave's own: HMAC-DRBG (SP 800-90A) over SHA-256, seeded by the
// processor, and in each instance by 256 bits more that the kernel made for it alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace enclavisor::sdk {

void random(std::span<std::byte> to);
std::uint64_t random_number();

}  // namespace enclavisor::sdk

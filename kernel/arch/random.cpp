#include "kernel/arch/random.hpp"

#include <cstdint>
#include <optional>

#include "kernel/arch/cpu.hpp"
#include "kernel/platform/devices.hpp"

namespace enclavisor::kernel {
namespace {

constexpr int kRetries = 10;  // AMD: software should retry RDRAND up to 10 times
constexpr int kSamples = 8;

std::optional<std::uint64_t> read_rdrand() {
    for (int i = 0; i < kRetries; i++) {
        std::uint64_t value;
        bool ok;
        asm volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
        if (ok) return value;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> read_rdseed() {
    for (int i = 0; i < kRetries * 100; i++) {
        std::uint64_t value;
        bool ok;
        asm volatile("rdseed %0" : "=r"(value), "=@ccc"(ok));
        if (ok) return value;
        arch::pause();
    }
    return std::nullopt;
}

// Every sample there, no two alike (chance: 2^-58), none all zeros or all ones:
// what the known failures of these instructions look like (AMD-SB-7055: RDSEED
// returning 0; errata with RDRAND returning all ones).
template <typename Read>
bool healthy(Read read) {
    std::uint64_t samples[kSamples];
    for (int i = 0; i < kSamples; i++) {
        const auto value = read();
        if (!value || *value == 0 || *value == ~0ull) return false;
        for (int j = 0; j < i; j++) {
            if (samples[j] == *value) return false;
        }
        samples[i] = *value;
    }
    return true;
}

}  // namespace

std::optional<std::uint64_t> random_word() {
    return read_rdrand();
}

bool random_source_is_healthy() {
    const bool rdseed = read_cpuid(7).ebx & 1 << 18;
    return healthy(read_rdrand) && (!rdseed || healthy(read_rdseed));
}

}  // namespace enclavisor::kernel

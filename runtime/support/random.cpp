#include "runtime/support/random.hpp"

#include <cpuid.h>

#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

// SDM vol. 1, 7.3.17: ten failures in a row mean that it is broken.
constexpr int kTries = 10;
constexpr int kSeedTries = 1000;  // RDSEED may be drained

std::uint64_t last_number;
bool has_seed;

[[noreturn]] void broken() {
    end_enclave(abi::EndReason::kFault, 6, 0, reinterpret_cast<std::uint64_t>(&random_number));
}

std::uint64_t read_random() {
    for (int i = 0; i < kTries; i++) {
        std::uint64_t value;
        bool ok;
        asm volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
        if (ok) return value;
    }
    broken();
}

std::uint64_t read_seed() {
    for (int i = 0; i < kSeedTries; i++) {
        std::uint64_t value;
        bool ok;
        asm volatile("rdseed %0" : "=r"(value), "=@ccc"(ok));
        if (ok) return value;
        __builtin_ia32_pause();
    }
    return 0;  // only mixed in: nothing is lost
}

}  // namespace

std::uint64_t random_number() {
    const std::uint64_t value = read_random();
    // The continuous test of FIPS 140-2, 4.9.2; all zeros and all ones are how
    // known broken processors fail.
    if (value == last_number || value == 0 || value == ~0ull) broken();
    last_number = value;
    return value;
}

std::uint64_t seeded_number() {
    return has_seed ? random_number() ^ read_seed() : random_number();
}

void start_random() {
    std::uint32_t eax, ebx, ecx, edx;
    __cpuid(1, eax, ebx, ecx, edx);
    if (!(ecx & bit_RDRND)) broken();
    __cpuid_count(7, 0, eax, ebx, ecx, edx);
    has_seed = (ebx & bit_RDSEED) != 0;
    for (int i = 0; i < 16; i++) random_number();
}

}  // namespace enclavisor::runtime

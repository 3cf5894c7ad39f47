#include "sdk/include/enclavisor/random.hpp"

#include "sdk/include/enclavisor/function.hpp"
#include "sdk/lib/state.hpp"

namespace enclavisor::sdk {
namespace {

// SDM vol. 1, 7.3.17: ten failures in a row mean that it is broken.
constexpr int kTries = 10;

std::uint64_t read_processor() {
    for (int i = 0; i < kTries; i++) {
        std::uint64_t value;
        bool ok;
        asm volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
        // All zeros and all ones are how known broken processors fail.
        if (ok && value != 0 && value != ~0ull) return value;
    }
    panic("the processor's random numbers are broken");
}

// What an instance must not share with another is mixed in before its first number.
void seed() {
    std::uint64_t fresh[8];
    for (int i = 0; i < 4; i++) fresh[i] = read_processor();
    for (int i = 0; i < 4; i++) fresh[4 + i] = state.seed[i];
    if (state.generator_started) {
        br_hmac_drbg_update(&state.generator, fresh, sizeof(fresh));
    } else {
        br_hmac_drbg_init(&state.generator, &br_sha256_vtable, fresh, sizeof(fresh));
    }
    state.generator_started = true;
    state.seed_waits = false;
    for (auto& word : state.seed) word = 0;
}

}  // namespace

void random(std::span<std::byte> to) {
    // SP 800-90A, table 2: at most 2^16 bytes of one request.
    constexpr std::size_t kMost = 1 << 16;
    if (!state.generator_started || state.seed_waits) seed();
    while (!to.empty()) {
        const std::size_t part = to.size() < kMost ? to.size() : kMost;
        br_hmac_drbg_generate(&state.generator, to.data(), part);
        to = to.subspan(part);
    }
}

std::uint64_t random_number() {
    std::uint64_t value;
    random(std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

}  // namespace enclavisor::sdk

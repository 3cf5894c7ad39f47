#include "runtime/support/sha256.hpp"

#include <cstdint>

#include "runtime/support/borrowed_processor.hpp"

// The few functions of libcrypto.a that are linked (openssl/sha.h, whose low-level
// interface OpenSSL 3 keeps and calls deprecated). Its code chooses among the processor's
// instructions by OPENSSL_ia32cap_P.
extern "C" {
struct Sha256Context {
    std::uint32_t state[8];
    std::uint32_t low, high;
    std::uint32_t data[16];
    unsigned pending, digest_size;
};
int SHA256_Init(Sha256Context*);
int SHA256_Update(Sha256Context*, const void*, std::size_t);
int SHA256_Final(unsigned char*, Sha256Context*);
}

#if !__STDC_HOSTED__
#include <cpuid.h>

#include <cstring>

extern "C" {
[[gnu::visibility("hidden")]] std::uint32_t OPENSSL_ia32cap_P[4];
void OPENSSL_cleanse(void* at, std::size_t size) {
    std::memset(at, 0, size);
}
}

namespace {

// As OPENSSL_ia32cap(3) describes the vector: leaf 1 EDX and ECX, leaf 7 EBX and ECX. The
// kernel saves all that the processor reports as enabled (OSXSAVE).
struct Capabilities {
    Capabilities() {
        std::uint32_t eax, ebx, ecx, edx;
        __cpuid(1, eax, ebx, ecx, edx);
        OPENSSL_ia32cap_P[0] = edx;
        OPENSSL_ia32cap_P[1] = ecx;
        constexpr std::uint32_t kOsXsave = 1u << 27;
        if (!(ecx & kOsXsave)) return;
        std::uint32_t enabled, high;
        asm("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
        constexpr std::uint32_t kSseAndAvx = 6;
        if ((enabled & kSseAndAvx) != kSseAndAvx || __get_cpuid_max(0, nullptr) < 7) return;
        __cpuid_count(7, 0, eax, ebx, ecx, edx);
        OPENSSL_ia32cap_P[2] = ebx;
        OPENSSL_ia32cap_P[3] = ecx;
    }
} capabilities;

}  // namespace
#endif

namespace enclavisor::runtime {

std::array<std::byte, 32> sha256(std::span<const std::byte> data) {
    const BorrowedProcessor borrowed;
    Sha256Context context;
    SHA256_Init(&context);
    SHA256_Update(&context, data.data(), data.size());
    std::array<std::byte, 32> digest;
    SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
    return digest;
}

}  // namespace enclavisor::runtime

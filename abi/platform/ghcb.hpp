// How an SEV-ES or SEV-SNP guest asks its hypervisor for something: AMD 56421, "GHCB standardization"
// (sections 2.3 MSR protocol, 2.6 GHCB layout, 4 events). Version 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

inline constexpr std::uint32_t kGhcbMsr = 0xc001'0130;
inline constexpr std::uint32_t kSevStatusMsr = 0xc001'0131;
inline constexpr std::uint32_t kGuestTscFrequencyMsr = 0xc001'0134;  // with secure TSC; MHz in bits 17:0
inline constexpr std::uint16_t kGhcbVersion = 2;

// --- The page, which is shared ---------------------------------------------

struct Ghcb {
    std::uint8_t reserved_0[0x1f8];
    std::uint64_t rax;  // 0x1f8
    std::uint8_t reserved_1[0x108];
    std::uint64_t rcx, rdx, rbx;  // 0x308
    std::uint8_t reserved_2[0x70];
    std::uint64_t exit_code, exit_info_1, exit_info_2, scratch;  // 0x390
    std::uint8_t reserved_3[0x38];
    std::uint64_t xcr0;             // 0x3e8
    std::uint64_t valid_bitmap[2];  // 0x3f0; bit n: the eight bytes at 8n
    std::uint64_t x87_state_gpa;    // 0x400
    std::uint8_t reserved_4[0x3f8];
    std::uint8_t shared_buffer[2032];  // 0x800
    std::uint8_t reserved_5[10];
    std::uint16_t version;  // 0xffa
    std::uint32_t usage;    // 0xffc; 0: this layout
};
static_assert(sizeof(Ghcb) == 4096 && std::is_trivially_copyable_v<Ghcb>);
static_assert(offsetof(Ghcb, rax) == 0x1f8 && offsetof(Ghcb, rcx) == 0x308 && offsetof(Ghcb, rbx) == 0x318);
static_assert(offsetof(Ghcb, exit_code) == 0x390 && offsetof(Ghcb, scratch) == 0x3a8);
static_assert(offsetof(Ghcb, xcr0) == 0x3e8 && offsetof(Ghcb, valid_bitmap) == 0x3f0);
static_assert(offsetof(Ghcb, shared_buffer) == 0x800 && offsetof(Ghcb, version) == 0xffa);

enum class GhcbEvent : std::uint64_t {
    kCpuid = 0x72,
    kPortIo = 0x7b,
    kMsr = 0x7c,
    kMmioRead = 0x8000'0001,
    kMmioWrite = 0x8000'0002,
    kApResetHold = 0x8000'0004,
    kPageStateChange = 0x8000'0010,
    kGuestRequest = 0x8000'0011,
    kExtendedGuestRequest = 0x8000'0012,
    kApCreation = 0x8000'0013,
    kTerminate = 0x8000'fffe,
};

// SW_EXITINFO1 of kPortIo, 4.1.1; of kMsr: 1 is a write.
inline constexpr std::uint64_t kPortIn = 1 << 0;
inline constexpr unsigned kPortSizeShift = 4;  // bit 4, 5, 6: 1, 2, 4 bytes
inline constexpr std::uint64_t kPortAddress64 = 1 << 9;
inline constexpr unsigned kPortNumberShift = 16;

// What lies in the shared buffer for kPageStateChange, 4.1.6.
struct PageStateHeader {
    std::uint16_t current, last;
    std::uint32_t reserved;
};
inline constexpr unsigned kMostPageStates = 253;
inline constexpr std::uint64_t kPagePrivate = 1ull << 52, kPageShared = 2ull << 52;
inline constexpr std::uint64_t kPageLarge = 1ull << 56;  // 2 MiB
static_assert(sizeof(PageStateHeader) + kMostPageStates * 8 <= sizeof(Ghcb::shared_buffer));

// --- The MSR, while it holds no page's address: low 12 bits not zero --------

namespace ghcb_msr {
inline constexpr std::uint64_t kMask = 0xfff;
inline constexpr std::uint64_t kInfo = 0x001, kInfoRequest = 0x002;
inline constexpr std::uint64_t kCpuidRequest = 0x004, kCpuidAnswer = 0x005;
inline constexpr std::uint64_t kRegisterRequest = 0x012, kRegisterAnswer = 0x013;
inline constexpr std::uint64_t kPageRequest = 0x014, kPageAnswer = 0x015;
inline constexpr std::uint64_t kFeaturesRequest = 0x080, kFeaturesAnswer = 0x081;
inline constexpr std::uint64_t kTerminate = 0x100;
}  // namespace ghcb_msr

// Features of the hypervisor, 2.3.1.
inline constexpr std::uint64_t kFeatureSnp = 1 << 0, kFeatureApCreation = 1 << 1;

// Host's part of SW_EXITINFO2 of a guest request, 4.1.7.
inline constexpr std::uint32_t kRequestCertificatesTooLarge = 1, kRequestBusy = 2;

}  // namespace enclavisor::abi

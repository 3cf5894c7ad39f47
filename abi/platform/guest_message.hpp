// Messages between an SEV-SNP guest and the secure processor: one page each, under a key that the secrets
// page gave the guest (AMD 56860, "Guest messages" and chapter 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/evidence/vm_report.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

struct GuestMessageHeader {
    std::uint8_t tag[32];  // the first 16 are AES-256-GCM's
    std::uint64_t sequence;
    std::uint8_t reserved_28[8];
    // From here on, authenticated.
    std::uint8_t algorithm;        // 1: AES-256-GCM
    std::uint8_t header_version;   // 1
    std::uint16_t header_size;     // 0x60
    std::uint8_t type;             // GuestMessageType
    std::uint8_t message_version;  // 1
    std::uint16_t size;            // of what follows, encrypted
    std::uint8_t reserved_38[4];
    std::uint8_t key;  // VMPCK 0 to 3
    std::uint8_t reserved_3d[35];
};
static_assert(sizeof(GuestMessageHeader) == 0x60 && offsetof(GuestMessageHeader, algorithm) == 0x30);
static_assert(std::has_unique_object_representations_v<GuestMessageHeader>);
inline constexpr std::size_t kGuestMessageMost = kPageSize - sizeof(GuestMessageHeader);

// A request's answer has the number after it.
enum class GuestMessageType : std::uint8_t { kKeyRequest = 3, kReportRequest = 5, kTscRequest = 17 };

// MSG_REPORT_REQ and what begins MSG_REPORT_RSP (AMD 56860, chapter 7); the report follows.
struct ReportRequest {
    std::uint8_t report_data[kReportDataSize];
    std::uint32_t vmpl;  // not below that of the key
    std::uint32_t key;   // that signs; 0: the VLEK if there is one, else the VCEK
    std::uint8_t reserved_48[24];
};
struct ReportResponse {
    std::uint32_t status;  // 0, 0x16 invalid parameter, 0x27 no such key
    std::uint32_t size;    // of the report
    std::uint8_t reserved_08[24];
};
static_assert(sizeof(ReportRequest) == 0x60 && sizeof(ReportResponse) == 0x20);
static_assert(std::has_unique_object_representations_v<ReportRequest>);

// The secrets page, AMD 56860 "Secrets page", as far as it is used.
struct SecretsPage {
    std::uint32_t version;
    std::uint32_t flags;
    std::uint32_t family_model_stepping;
    std::uint32_t reserved_0c;
    std::uint8_t os_visible_workarounds[16];
    std::uint8_t message_keys[4][32];
    std::uint8_t reserved_a0[0xc0];
    // From version 3: by so many hundred-thousandths a secure TSC's mean is below its nominal frequency.
    std::uint32_t tsc_factor;
    std::uint8_t rest[kPageSize - 0x164];
};
static_assert(sizeof(SecretsPage) == kPageSize && offsetof(SecretsPage, message_keys) == 0x20);
static_assert(offsetof(SecretsPage, tsc_factor) == 0x160);

}  // namespace enclavisor::abi

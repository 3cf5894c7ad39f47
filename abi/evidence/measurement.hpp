// What an enclave's measurement is computed over; the specification is
// docs/measurement.md. SHA-384 over the records in the order of the commands;
// the page contents follow the record that adds them. Little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

enum class RecordKind : std::uint64_t {
    kCreate = 0x0045544145524345,     // "ECREATE"
    kPage = 0x0045474150444145,       // "EADPAGE": followed by 4096 bytes
    kZeroPages = 0x004f52455a444145,  // "EADZERO"
    kThread = 0x0044524854444145,     // "EADTHRD"
    kSeal = 0x00004c4145534545,       // "EESEAL"
    kGroup = 0x000050554f524745,      // "EGROUP": begins the measurement of a group
    kMember = 0x005245424d454d45,     // "EMEMBER"
};

// kCreate:    memory limit (pages), runtime begin, runtime end, syscall entry,
//             exception entry, attributes
// kPage:      address, permissions
// kZeroPages: address, pages, permissions
// kThread:    entry, block address, I/O address, I/O pages
// kSeal:      nothing; closes the measurement
// kGroup:     number of members
// kMember:    the member's measurement, 48 bytes
// Unused fields are zero.
struct MeasurementRecord {
    std::uint64_t kind;  // RecordKind
    std::uint64_t fields[7];
};
static_assert(sizeof(MeasurementRecord) == 64);
static_assert(std::has_unique_object_representations_v<MeasurementRecord>);

inline constexpr std::size_t kMeasurementSize = 48;

// --- Between the kernel and the attestation enclave -----------------------

enum class AttestOperation : std::uint64_t {
    kNone = 0,
    kRecord = 1,  // hash `record`; then, when pages > 0, that many times: the
                  // record with its address advanced, and the page at kAttestWindow
    kFinish = 2,  // hash `record`, reply with the digest
    kReport = 3,  // SEV-SNP: the page at kAttestMessage begins with REPORT_DATA; reply with `refusal` and
                  // `detail`, and if there is none, with the report there
};

// Pages that are being measured appear here in the attestation enclave, read-only.
inline constexpr std::uint64_t kAttestWindow = 0x4000'0000;

// Hashes that can be under way at a time.
inline constexpr std::uint64_t kAttestPlaces = 64;

struct AttestRequest {
    std::uint64_t operation;  // AttestOperation
    std::uint64_t place;      // of the hash, below kAttestPlaces; a kCreate or kGroup record begins it
    std::uint64_t pages;      // pages in the window (kPage records only)
    std::uint64_t refusal;    // reply to kReport (MessageRefusal, abi/evidence/vm_report.hpp)
    std::uint64_t detail;
    MeasurementRecord record;
    std::uint8_t digest[kMeasurementSize];  // reply to kFinish
};
static_assert(sizeof(AttestRequest) == 152);

}  // namespace enclavisor::abi

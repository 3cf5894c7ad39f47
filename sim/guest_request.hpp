// What an SNP guest asks of the firmware: reports, keys, facts about its clock.
#pragma once

#include "sim/snp_guest.hpp"

namespace enclavisor::sim {

struct ReportRequest {
    Block<64> report_data;
    std::uint32_t level, key;
    Block<24> reserved;
};
static_assert(sizeof(ReportRequest) == 0x60);

struct KeyRequest {
    std::uint32_t root;
    std::uint32_t reserved;
    std::uint64_t fields;
    std::uint32_t level, guest_svn;
    std::uint64_t tcb;
};
static_assert(sizeof(KeyRequest) == 0x20);

// Bits of `fields`: what the key depends on.
namespace key_field {
inline constexpr std::uint64_t kPolicy = 1, kImage = 2, kFamily = 4, kMeasurement = 8, kGuestSvn = 16,
                               kTcb = 32, kMitigations = 64;
}

struct TscResponse {
    std::uint32_t status, reserved0;
    std::uint64_t scale, offset;  // scale: fixed point with 32 bits behind it
    std::uint32_t factor;
    Block<100> reserved1;
};
static_assert(sizeof(TscResponse) == 128);

// Of responses with a body: status, its size, zeros.
struct ResponseHead {
    std::uint32_t status, size;
    Block<24> reserved;
};
static_assert(sizeof(ResponseHead) == 0x20);

struct Report {
    std::uint32_t version, guest_svn;
    std::uint64_t policy;
    Block<16> family, image;
    std::uint32_t level, signature_algorithm;
    std::uint64_t current_tcb, platform_info;
    std::uint32_t flags, reserved0;
    Block<64> report_data;
    Block<48> measurement;
    Block<32> host_data;
    Block<48> id_key_digest, author_key_digest;
    Block<32> report_id, report_id_migration;
    std::uint64_t reported_tcb;
    std::uint8_t family_of_cpu, model_of_cpu, stepping_of_cpu;
    Block<21> reserved1;
    Block<64> chip_id;
    std::uint64_t committed_tcb;
    std::uint8_t current_build, current_minor, current_major, reserved2;
    std::uint8_t committed_build, committed_minor, committed_major, reserved3;
    std::uint64_t launch_tcb, launch_mitigations, current_mitigations;
    Block<152> reserved4;
    AmdSignature signature;
};
static_assert(sizeof(Report) == 0x4A0 && offsetof(Report, reported_tcb) == 0x180 &&
              offsetof(Report, chip_id) == 0x1A0 && offsetof(Report, signature) == 0x2A0);

// Processes the message that is on `page`, and the page that answers it. Refused messages change nothing.
Result<Block<kMessagePage>> serve_guest(SnpGuest& guest, const Chip& chip, const Block<kMessagePage>& page);

}  // namespace enclavisor::sim

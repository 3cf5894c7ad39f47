// Certificates of SEV and SEV-ES in AMD's binary forms (SEV API: appendix C).
#pragma once

#include "sim/authority.hpp"

namespace enclavisor::sim {

struct SevSignature {
    std::uint32_t usage, algorithm;
    Block<512> value;
};

struct SevCertificate {
    std::uint32_t version;  // 1
    std::uint8_t api_major, api_minor;
    Block<2> reserved;
    std::uint32_t usage, algorithm;
    AmdPublicKey key;
    SevSignature first, second;
};
static_assert(sizeof(SevCertificate) == 0x824 && offsetof(SevCertificate, first) == 0x414);

namespace sev_usage {
inline constexpr std::uint32_t kArk = 0, kAsk = 0x13, kNone = 0x1000, kOca = 0x1001, kPek = 0x1002,
                               kPdh = 0x1003, kCek = 0x1004;
}
namespace sev_algorithm {
inline constexpr std::uint32_t kRsaSha384 = 0x101, kEcdsaSha256 = 2, kEcdhSha256 = 3;
}

SevCertificate unsigned_certificate(const AmdPublicKey& key, std::uint32_t usage);
// ECDSA with SHA-256, over everything before the signatures.
SevSignature sign_certificate(const SevCertificate& certificate, const EcKey& signer,
                              std::uint32_t signer_usage);
bool is_signed(const SevCertificate& certificate, const SevSignature& signature, const AmdPublicKey& signer);

// The CEK's as AMD publishes it, by the ASK.
SevCertificate certify_cek(const EcKey& cek, Authority& authority);
// ARK or ASK in AMD's form of its own.
Bytes signer_certificate(Signer signer, Authority& authority);

}  // namespace enclavisor::sim

#include "sim/sev_certificate.hpp"

#include <algorithm>

namespace enclavisor::sim {
namespace {

// What stands before the exponent of an ARK or ASK.
struct SignerHead {
    std::uint32_t version;
    Block<16> id, certifier;
    std::uint32_t usage;
    Block<16> reserved;
    std::uint32_t exponent_bits, modulus_bits;
};
static_assert(sizeof(SignerHead) == 0x40);
constexpr std::uint32_t kRsaBits = 4096;

Block<16> id_of(const RsaKey& key) {
    return block_of<16>(BytesView{sha256({key.modulus()})}.first(16));
}

BytesView signed_part(const SevCertificate& certificate) {
    return view_of(certificate).first(offsetof(SevCertificate, first));
}

// AMD's RSA signatures are little endian.
Bytes sign_reversed(const RsaKey& key, BytesView data) {
    Bytes signature = key.sign(data);
    std::ranges::reverse(signature);
    return signature;
}

}  // namespace

SevCertificate unsigned_certificate(const AmdPublicKey& key, std::uint32_t usage) {
    SevCertificate certificate{};
    certificate.version = 1;
    certificate.api_major = kApiMajor;
    certificate.api_minor = kApiMinor;
    certificate.usage = usage;
    certificate.algorithm =
        usage == sev_usage::kPdh ? sev_algorithm::kEcdhSha256 : sev_algorithm::kEcdsaSha256;
    certificate.key = key;
    certificate.first.usage = certificate.second.usage = sev_usage::kNone;
    return certificate;
}

SevSignature sign_certificate(const SevCertificate& certificate, const EcKey& signer,
                              std::uint32_t signer_usage) {
    const AmdSignature signature = signer.sign(Hash::kSha256, signed_part(certificate));
    return {signer_usage, sev_algorithm::kEcdsaSha256, block_of<512>(view_of(signature))};
}

bool is_signed(const SevCertificate& certificate, const SevSignature& signature, const AmdPublicKey& signer) {
    BytesView value{signature.value};
    return signature.algorithm == sev_algorithm::kEcdsaSha256 &&
           verify(signer, Hash::kSha256, signed_part(certificate), *take_front<AmdSignature>(value));
}

SevCertificate certify_cek(const EcKey& cek, Authority& authority) {
    SevCertificate certificate = unsigned_certificate(cek.public_key(), sev_usage::kCek);
    // A CEK is older than any firmware that asks for it.
    certificate.api_major = certificate.api_minor = 0;
    certificate.first = {sev_usage::kAsk, sev_algorithm::kRsaSha384,
                         block_of<512>(sign_reversed(authority.key(Signer::kAsk), signed_part(certificate)))};
    return certificate;
}

Bytes signer_certificate(Signer signer, Authority& authority) {
    const RsaKey own = authority.key(signer), root = authority.key(Signer::kArk);
    SignerHead head{};
    head.version = 1;
    head.id = id_of(own);
    head.certifier = id_of(root);
    head.usage = signer == Signer::kArk ? sev_usage::kArk : sev_usage::kAsk;
    head.exponent_bits = head.modulus_bits = kRsaBits;
    Bytes out = bytes_of(head);
    Block<kRsaBits / 8> exponent{0x01, 0x00, 0x01};
    append(out, exponent);
    append(out, own.modulus());
    append(out, sign_reversed(root, out));
    return out;
}

}  // namespace enclavisor::sim

// What no processor offers: certificates as AMD would give them, and other versions at will.
#include "sim/model.hpp"

namespace enclavisor::sim {
namespace {

Result<Reply> certificate(Model& model, BytesView request) {
    const auto asked = TRY(exactly<CertificateRequest>(request));
    const std::uint64_t tcb = asked.tcb == 0 ? model.chip.state().reported_tcb : asked.tcb;
    if ((tcb & model.chip.facts().reserved_tcb) != 0) return refuse(Status::kInvalidParam);
    const auto give = [](Bytes der) { return Reply{Status::kSuccess, std::move(der)}; };
    switch (asked.kind) {
        case CertificateKind::kArk:
            return give(model.authority.certificate(Signer::kArk));
        case CertificateKind::kAsk:
            return give(model.authority.certificate(Signer::kAsk));
        case CertificateKind::kAsvk:
            return give(model.authority.certificate(Signer::kAsvk));
        case CertificateKind::kVcek:
            return give(model.authority.vcek(model.chip, tcb));
        case CertificateKind::kVlek:
            if (!model.chip.vlek(tcb)) return refuse(Status::kInvalidKey);
            return give(model.authority.vlek(model.chip, tcb));
        case CertificateKind::kRevocationList:
            return give(model.authority.revocation_list());
        case CertificateKind::kSevArk:
            return give(signer_certificate(Signer::kArk, model.authority));
        case CertificateKind::kSevAsk:
            return give(signer_certificate(Signer::kAsk, model.authority));
        case CertificateKind::kCek:
            return reply_of(certify_cek(model.chip.cek(), model.authority));
        default:
            return refuse(Status::kInvalidParam);
    }
}

Result<Reply> set_tcb(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SetTcbRequest>(request));
    TRY(model.chip.set_current_tcb(asked.current_tcb));
    return Reply{};
}

Result<Reply> describe(Model& model, BytesView request) {
    const auto asked = TRY(exactly<DescribeRequest>(request));
    if (asked.reserved != 0) return refuse(Status::kInvalidParam);
    TRY(model.chip.describe(asked.report_version, asked.platform_info, asked.mitigations));
    return Reply{};
}

Result<Reply> revoke(Model& model, BytesView request) {
    const auto asked = TRY(exactly<RevokeRequest>(request));
    if (asked.kind != CertificateKind::kAsk && asked.kind != CertificateKind::kAsvk)
        return refuse(Status::kInvalidParam);
    model.authority.revoke(asked.kind == CertificateKind::kAsk ? Signer::kAsk : Signer::kAsvk);
    return Reply{};
}

Result<Reply> launch_digest(Model& model, BytesView request) {
    const auto asked = TRY(exactly<LaunchDigestRequest>(request));
    if (asked.snp > 1) return refuse(Status::kInvalidParam);
    if (asked.snp == 0) return reply_of(TRY(model.sev.find(asked.guest))->digest());
    return reply_of(TRY(model.snp.find(asked.guest))->digest());
}

constexpr CommandRow kRows[] = {
    {Command::kCertificate, certificate},    {Command::kSetTcb, set_tcb},
    {Command::kDescribe, describe},          {Command::kRevoke, revoke},
    {Command::kLaunchDigest, launch_digest},
};

}  // namespace

std::span<const CommandRow> laboratory_commands() {
    return kRows;
}

}  // namespace enclavisor::sim

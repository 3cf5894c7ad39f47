#include "sim/sev_platform.hpp"

#include "sim/snp_firmware.hpp"

namespace enclavisor::sim {
namespace {

EcKey key_of(const std::string& pem) {
    auto key = EcKey::from_pem(pem);
    must(key.has_value(), "key of the platform");
    return *std::move(key);
}

Result<TransportKeys> agree(const EcKey& pdh, const SevCertificate& owner, const SevSession& session,
                            std::uint32_t policy) {
    if (owner.version != 1 || owner.usage != sev_usage::kPdh || owner.algorithm != sev_algorithm::kEcdhSha256)
        return refuse(Status::kInvalidCertificate);
    const auto shared = pdh.agree(owner.key);
    if (!shared) return refuse(Status::kInvalidCertificate);
    return open_session(session, *shared, policy);
}

}  // namespace

Result<void> SevPlatform::initialized() const {
    if (!initialized_) return refuse(Status::kInvalidPlatformState);
    return {};
}

SevPlatformState SevPlatform::state() const {
    if (!initialized_) return SevPlatformState::kUninitialized;
    return guests_.empty() ? SevPlatformState::kInitialized : SevPlatformState::kWorking;
}

Result<void> SevPlatform::init(bool es) {
    if (initialized_) return refuse(Status::kInvalidPlatformState);
    initialized_ = true;
    es_ = es;
    if (keys_.pek.empty()) return generate_pek();
    return {};
}

void SevPlatform::shutdown() {
    guests_.clear();
    initialized_ = false;
}

Result<void> SevPlatform::reset() {
    if (initialized_) return refuse(Status::kInvalidPlatformState);
    keys_ = {};
    return {};
}

Result<void> SevPlatform::generate_pek() {
    if (state() != SevPlatformState::kInitialized) return refuse(Status::kInvalidPlatformState);
    keys_.oca = EcKey::generate().pem();
    keys_.pek = EcKey::generate().pem();
    return generate_pdh();
}

Result<void> SevPlatform::generate_pdh() {
    TRY(initialized());
    keys_.pdh = EcKey::generate().pem();
    return {};
}

Result<PdhExport> SevPlatform::export_pdh(const Chip& chip) const {
    TRY(initialized());
    const EcKey pek = key_of(keys_.pek), oca = key_of(keys_.oca), cek = chip.cek();
    PdhExport out{unsigned_certificate(key_of(keys_.pdh).public_key(), sev_usage::kPdh),
                  unsigned_certificate(pek.public_key(), sev_usage::kPek),
                  unsigned_certificate(oca.public_key(), sev_usage::kOca),
                  unsigned_certificate(cek.public_key(), sev_usage::kCek)};
    out.cek.api_major = out.cek.api_minor = 0;
    out.pdh.first = sign_certificate(out.pdh, pek, sev_usage::kPek);
    out.pek.first = sign_certificate(out.pek, oca, sev_usage::kOca);
    out.pek.second = sign_certificate(out.pek, cek, sev_usage::kCek);
    out.oca.first = sign_certificate(out.oca, oca, sev_usage::kOca);
    return out;
}

Result<std::uint32_t> SevPlatform::start(std::uint32_t handle, std::uint32_t policy,
                                         const std::optional<SevCertificate>& owner,
                                         const std::optional<SevSession>& session) {
    TRY(initialized());
    if (guests_.size() >= kMostGuests || next_ == 0) return refuse(Status::kResourceLimit);
    if (owner.has_value() != session.has_value()) return refuse(Status::kInvalidParam);
    const std::uint32_t wanted = (policy >> 16 & 0xFF) << 8 | policy >> 24;
    if ((policy & sev_policy::kReserved) != 0 || wanted > (kApiMajor << 8 | kApiMinor))
        return refuse(Status::kPolicyFailure);
    if ((policy & sev_policy::kEs) != 0 && !es_) return refuse(Status::kUnsupported);
    if (handle != 0) {
        const SevGuest* const other = TRY(find(handle));
        if (other->policy() != policy || (policy & sev_policy::kNoKeySharing) != 0)
            return refuse(Status::kPolicyFailure);
    }
    TransportKeys keys;
    if (owner) keys = TRY(agree(key_of(keys_.pdh), *owner, *session, policy));
    guests_.emplace(next_, SevGuest{policy, keys});
    return next_++;
}

Result<SevGuest*> SevPlatform::find(std::uint32_t handle) {
    TRY(initialized());
    const auto found = guests_.find(handle);
    if (found == guests_.end()) return refuse(Status::kInvalidGuest);
    return &found->second;
}

Result<void> SevPlatform::activate(std::uint32_t handle, std::uint32_t asid) {
    SevGuest* const guest = TRY(find(handle));
    if (asid == 0 || asid > kMostAsid) return refuse(Status::kInvalidAsid);
    if (guest->asid() != 0) return refuse(Status::kActive);
    for (const auto& [other, owner] : guests_)
        if (owner.asid() == asid) return refuse(Status::kAsidOwned);
    guest->set_asid(asid);
    return {};
}

Result<void> SevPlatform::deactivate(std::uint32_t handle) {
    SevGuest* const guest = TRY(find(handle));
    if (guest->asid() == 0) return refuse(Status::kInactive);
    guest->set_asid(0);
    return {};
}

Result<void> SevPlatform::decommission(std::uint32_t handle) {
    const SevGuest* const guest = TRY(find(handle));
    if (guest->asid() != 0) return refuse(Status::kActive);
    guests_.erase(handle);
    return {};
}

}  // namespace enclavisor::sim

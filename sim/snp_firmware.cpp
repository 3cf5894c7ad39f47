#include "sim/snp_firmware.hpp"

namespace enclavisor::sim {

Result<void> SnpFirmware::init() {
    if (initialized_) return refuse(Status::kInvalidPlatformState);
    initialized_ = true;
    return {};
}

Result<std::uint32_t> SnpFirmware::create() {
    if (!initialized_) return refuse(Status::kInvalidPlatformState);
    if (guests_.size() >= kMostGuests || next_ == 0) return refuse(Status::kResourceLimit);
    guests_.emplace(next_, SnpGuest{});
    return next_++;
}

Result<SnpGuest*> SnpFirmware::find(std::uint32_t number) {
    if (!initialized_) return refuse(Status::kInvalidPlatformState);
    const auto found = guests_.find(number);
    if (found == guests_.end()) return refuse(Status::kInvalidGuest);
    return &found->second;
}

Result<void> SnpFirmware::activate(std::uint32_t number, std::uint32_t asid) {
    SnpGuest* const guest = TRY(find(number));
    if (asid == 0 || asid > kMostAsid) return refuse(Status::kInvalidAsid);
    for (const auto& [other, owner] : guests_)
        if (owner.asid() == asid && other != number) return refuse(Status::kAsidOwned);
    return guest->activate(asid);
}

Result<void> SnpFirmware::decommission(std::uint32_t number) {
    TRY(find(number));
    guests_.erase(number);
    return {};
}

}  // namespace enclavisor::sim

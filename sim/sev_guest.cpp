#include "sim/sev_guest.hpp"

#include "sim/chip.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::size_t kVmsaSize = 4096, kBlock = 16;

}  // namespace

Result<void> SevGuest::in(SevGuestState state) const {
    if (state_ != state) return refuse(Status::kInvalidGuestState);
    return {};
}

Result<void> SevGuest::update_data(BytesView data) {
    TRY(in(SevGuestState::kUpdate));
    if (asid_ == 0) return refuse(Status::kInactive);
    if (data.empty() || data.size() % kBlock != 0) return refuse(Status::kInvalidLength);
    digest_.update(data);
    return {};
}

Result<void> SevGuest::update_vmsa(BytesView page) {
    TRY(in(SevGuestState::kUpdate));
    if (asid_ == 0) return refuse(Status::kInactive);
    if ((policy_ & sev_policy::kEs) == 0) return refuse(Status::kPolicyFailure);
    if (page.size() != kVmsaSize) return refuse(Status::kInvalidLength);
    digest_.update(page);
    return {};
}

Result<Measurement> SevGuest::measure() {
    TRY(in(SevGuestState::kUpdate));
    const Measured measured{digest_.digest(), random_block<16>(), policy_, kApiMajor, kApiMinor, kBuild};
    measurement_ = measure_launch(keys_, measured);
    state_ = SevGuestState::kSecret;
    return Measurement{measurement_, measured.nonce};
}

Result<Bytes> SevGuest::secret(const SecretHeader& header, std::uint64_t address, std::uint32_t size,
                               BytesView sealed) {
    TRY(in(SevGuestState::kSecret));
    if (asid_ == 0) return refuse(Status::kInactive);
    if ((header.flags & 1) != 0) return refuse(Status::kUnsupported);  // compressed
    if (header.flags != 0) return refuse(Status::kInvalidParam);
    if (size == 0 || size % kBlock != 0 || size > kLargestSecret || sealed.size() != size)
        return refuse(Status::kInvalidLength);
    if (address % kBlock != 0) return refuse(Status::kInvalidAddress);
    return open_secret(keys_, header, measurement_, sealed);
}

Result<void> SevGuest::finish() {
    TRY(in(SevGuestState::kSecret));
    keys_ = {};
    measurement_ = {};
    state_ = SevGuestState::kRunning;
    return {};
}

}  // namespace enclavisor::sim

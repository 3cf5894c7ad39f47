// One SEV or SEV-ES guest in its launch.
#pragma once

#include "sim/sev_session.hpp"

namespace enclavisor::sim {

enum class SevGuestState : std::uint32_t { kUninitialized = 0, kUpdate = 1, kSecret = 2, kRunning = 3 };

namespace sev_policy {
inline constexpr std::uint32_t kNoKeySharing = 1 << 1, kEs = 1 << 2, kReserved = 0xFFC0;
}

struct Measurement {
    Block<32> mac;
    Block<16> nonce;
};
static_assert(sizeof(Measurement) == 48);

inline constexpr std::uint32_t kLargestSecret = 16 * 1024;

class SevGuest {
public:
    SevGuest(std::uint32_t policy, const TransportKeys& keys)
        : state_{SevGuestState::kUpdate}, policy_{policy}, keys_{keys} {}

    SevGuestState state() const { return state_; }
    std::uint32_t policy() const { return policy_; }
    std::uint32_t asid() const { return asid_; }
    Block<32> digest() const { return digest_.digest(); }
    void set_asid(std::uint32_t asid) { asid_ = asid; }

    Result<void> update_data(BytesView data);
    Result<void> update_vmsa(BytesView page);
    Result<Measurement> measure();
    // What the guest finds at `address`.
    Result<Bytes> secret(const SecretHeader& header, std::uint64_t address, std::uint32_t size,
                         BytesView sealed);
    Result<void> finish();

private:
    Result<void> in(SevGuestState state) const;

    SevGuestState state_;
    std::uint32_t policy_, asid_ = 0;
    TransportKeys keys_;
    RunningSha256 digest_;
    Block<32> measurement_{};
};

}  // namespace enclavisor::sim

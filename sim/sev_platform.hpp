// The SEV firmware: the platform, its keys and its guests.
#pragma once

#include <map>

#include "sim/sev_certificate.hpp"
#include "sim/sev_guest.hpp"

namespace enclavisor::sim {

enum class SevPlatformState : std::uint8_t { kUninitialized = 0, kInitialized = 1, kWorking = 2 };

// What a restart keeps of the platform's own keys, as PEM; empty: none yet. The OCA is the model's:
// self-owned.
struct SevState {
    std::string oca, pek, pdh;
};

// PEK, OCA and CEK (unsigned, as the chip has it), the Diffie-Hellman key before them.
struct PdhExport {
    SevCertificate pdh, pek, oca, cek;
};

class SevPlatform {
public:
    explicit SevPlatform(SevState keys = {}) : keys_{std::move(keys)} {}

    const SevState& keys() const { return keys_; }
    SevPlatformState state() const;
    bool es() const { return es_; }
    std::size_t guests() const { return guests_.size(); }

    Result<void> init(bool es);
    void shutdown();
    Result<void> reset();
    Result<void> generate_pek();
    Result<void> generate_pdh();
    Result<PdhExport> export_pdh(const Chip& chip) const;

    // `handle`: of a guest whose memory key is to be shared, or 0. Both absent: no owner.
    Result<std::uint32_t> start(std::uint32_t handle, std::uint32_t policy,
                                const std::optional<SevCertificate>& owner,
                                const std::optional<SevSession>& session);
    Result<SevGuest*> find(std::uint32_t handle);
    Result<void> activate(std::uint32_t handle, std::uint32_t asid);
    Result<void> deactivate(std::uint32_t handle);
    Result<void> decommission(std::uint32_t handle);

private:
    Result<void> initialized() const;

    SevState keys_;
    bool initialized_ = false, es_ = false;
    std::uint32_t next_ = 1;
    std::map<std::uint32_t, SevGuest> guests_;
};

}  // namespace enclavisor::sim

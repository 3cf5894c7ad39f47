// One processor: its identity, the versions of its firmware, and the keys that follow from both.
#pragma once

#include <string>

#include "sim/keys.hpp"
#include "sim/status.hpp"
#include "sim/tcb.hpp"

namespace enclavisor::sim {

// A key that a cloud provider has in AMD's certification, and loads into its machines.
struct Vlek {
    std::string provider;   // cspID
    std::uint64_t tcb = 0;  // the highest that it serves
};

// Oldest and newest form of the report that is known; 4 never left the laboratory.
inline constexpr std::uint32_t kOldestReport = 2;
inline constexpr std::uint32_t kNewestReport = 5;

// What a restart keeps. Whoever writes it directly takes care that reported <= committed <= current.
struct ChipState {
    Product product = Product::kMilan;
    Block<32> secret{};  // from which all keys of the chip follow
    Block<64> id{};
    std::uint64_t current_tcb = 0, committed_tcb = 0, reported_tcb = 0;
    std::uint64_t platform_info = 0;
    std::uint64_t mitigations = 0;
    std::uint32_t report_version = kNewestReport;
    bool mask_chip_id = false, mask_chip_key = false;
    std::optional<Vlek> vlek;
};

// The API that the model speaks for.
inline constexpr std::uint8_t kApiMajor = 1, kApiMinor = 55, kBuild = 21;
// Bits of PLATFORM_INFO.
inline constexpr std::uint64_t kInfoSmt = 1;

class Chip {
public:
    // A new chip, with randomness of its own and a TCB like that of a processor in the field.
    static Chip make(Product product);
    explicit Chip(ChipState state) : state_{std::move(state)} {}

    const ChipState& state() const { return state_; }
    const ProductFacts& facts() const { return facts_of(state_.product); }

    // Another firmware is there: what DOWNLOAD_FIRMWARE_EX leads to. Never below what is committed.
    Result<void> set_current_tcb(std::uint64_t tcb);
    // SNP_COMMIT: there is no way back.
    void commit();
    // SNP_CONFIG; zero reports what is committed.
    Result<void> configure(std::uint64_t reported_tcb, bool mask_chip_id, bool mask_chip_key);
    Result<void> load_vlek(Vlek vlek);
    // For tests: how the platform describes itself.
    Result<void> describe(std::uint32_t report_version, std::uint64_t platform_info,
                          std::uint64_t mitigations);

    EcKey vcek(std::uint64_t tcb) const;
    // Absent: none is loaded, or none for so high a TCB.
    std::optional<EcKey> vlek(std::uint64_t tcb) const;
    EcKey cek() const;
    // What guests' derived keys come from; it outlives changes of the TCB. Precondition: state().vlek, if
    // `vlek`.
    Block<48> root_of_keys(bool vlek) const;

private:
    bool valid_tcb(std::uint64_t tcb) const { return (tcb & facts().reserved_tcb) == 0; }
    Block<48> secret_for(std::string_view purpose, BytesView context) const;

    ChipState state_;
};

}  // namespace enclavisor::sim

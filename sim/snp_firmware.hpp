// The SNP firmware's guests, and what is common to them.
#pragma once

#include <map>

#include "sim/snp_guest.hpp"

namespace enclavisor::sim {

inline constexpr std::uint32_t kMostGuests = 64;
inline constexpr std::uint32_t kMostAsid = 509;

class SnpFirmware {
public:
    bool initialized() const { return initialized_; }
    std::size_t guests() const { return guests_.size(); }

    Result<void> init();
    Result<std::uint32_t> create();
    Result<SnpGuest*> find(std::uint32_t number);
    Result<void> activate(std::uint32_t number, std::uint32_t asid);
    Result<void> decommission(std::uint32_t number);

private:
    bool initialized_ = false;
    std::uint32_t next_ = 1;
    std::map<std::uint32_t, SnpGuest> guests_;
};

}  // namespace enclavisor::sim

// The devices of a guest whose accesses the carrier serves (abi::SimRequest::carries_devices): what a kernel
// meets before it looks for the link, which is not there.
#pragma once

#include <cstdint>
#include <string>

namespace enclavisor::sim {

class Devices {
public:
    Devices(std::uint64_t memory_mib, unsigned vcpus) : memory_mib_{memory_mib}, vcpus_{vcpus} {}

    std::uint32_t read(std::uint16_t port) const;
    // A line that the guest has completed on its serial port; empty: none.
    std::string write(std::uint16_t port, std::uint32_t value);

private:
    std::uint8_t cmos() const;

    std::uint64_t memory_mib_;
    unsigned vcpus_;
    std::uint8_t cmos_index_ = 0;
    std::string line_;
};

}  // namespace enclavisor::sim

#include "sim/devices.hpp"

#include <utility>

#include "host/lib/qemu_command.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint16_t kCmosIndex = 0x70, kCmosData = 0x71, kSerial = 0x3f8;

}  // namespace

// QEMU, hw/i386/pc.c and x86.c: in 64 KiB, what lies above 16 MiB and above 4 GiB; the vCPUs but one.
std::uint8_t Devices::cmos() const {
    const std::uint64_t end = host::private_memory_mib(memory_mib_);
    const std::uint64_t high = end > 4096 ? end - 4096 : 0;
    const std::uint64_t low_units = (memory_mib_ - high - 16) << 4, high_units = high << 4;
    const auto byte = [](std::uint64_t units, unsigned n) {
        return static_cast<std::uint8_t>(units >> 8 * n);
    };
    switch (cmos_index_) {
        case 0x34:
            return byte(low_units, 0);
        case 0x35:
            return byte(low_units, 1);
        case 0x5b:
            return byte(high_units, 0);
        case 0x5c:
            return byte(high_units, 1);
        case 0x5d:
            return byte(high_units, 2);
        case 0x5f:
            return static_cast<std::uint8_t>(vcpus_ - 1);
        default:
            return 0;
    }
}

std::uint32_t Devices::read(std::uint16_t port) const {
    return port == kCmosData ? cmos() : 0xffff'ffff;  // the bus, where nothing drives it
}

std::string Devices::write(std::uint16_t port, std::uint32_t value) {
    constexpr std::size_t kLongest = 4096;
    if (port == kCmosIndex) cmos_index_ = value & 0x7f;
    if (port != kSerial) return {};
    const char c = static_cast<char>(value);
    if (c != '\n' && line_.size() < kLongest) {
        line_ += c;
        return {};
    }
    return std::exchange(line_, {});
}

}  // namespace enclavisor::sim

// Ports, registers of devices and CPUID: by instruction, or, where the hypervisor must be asked for
// them, by its protocol (platform/exits.hpp). What comes back is the hypervisor's word.
#pragma once

#include <cstdint>

#include "kernel/arch/cpu.hpp"
#include "kernel/platform/exits.hpp"
#include "kernel/platform/platform.hpp"

namespace enclavisor::kernel {

inline void port_write8(std::uint16_t port, std::uint8_t value) {
    if constexpr (CurrentPlatform::kHasExits) {
        exits::port_write(port, 1, value);
    } else {
        arch::out8(port, value);
    }
}
inline std::uint8_t port_read8(std::uint16_t port) {
    if constexpr (CurrentPlatform::kHasExits) {
        return static_cast<std::uint8_t>(exits::port_read(port, 1));
    } else {
        return arch::in8(port);
    }
}
inline void port_write32(std::uint16_t port, std::uint32_t value) {
    if constexpr (CurrentPlatform::kHasExits) {
        exits::port_write(port, 4, value);
    } else {
        arch::out32(port, value);
    }
}
inline std::uint32_t port_read32(std::uint16_t port) {
    if constexpr (CurrentPlatform::kHasExits) {
        return exits::port_read(port, 4);
    } else {
        return arch::in32(port);
    }
}

// A register at an address in the kernel's map of devices (memory/kernel_map.hpp).
inline void register_write(std::uint64_t address, std::uint32_t value) {
    if constexpr (CurrentPlatform::kHasExits) {
        exits::register_write(address, value);
    } else {
        *reinterpret_cast<volatile std::uint32_t*>(address) = value;
    }
}
inline std::uint32_t register_read(std::uint64_t address) {
    if constexpr (CurrentPlatform::kHasExits) {
        return exits::register_read(address);
    } else {
        return *reinterpret_cast<volatile std::uint32_t*>(address);
    }
}

inline CpuidValues read_cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    if constexpr (CurrentPlatform::kHasExits) {
        return exits::cpuid(leaf, subleaf);
    } else {
        const arch::Cpuid v = arch::cpuid(leaf, subleaf);
        return {v.eax, v.ebx, v.ecx, v.edx};
    }
}

}  // namespace enclavisor::kernel

#include "kernel/boundary/doorbell.hpp"

#include "abi/host/link.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/devices.hpp"

namespace enclavisor::kernel {
namespace {

// PCI configuration mechanism #1 (PCI Local Bus Specification 3.2.2.3.2).
constexpr std::uint16_t kConfigAddress = 0xcf8, kConfigData = 0xcfc;
constexpr std::uint32_t kIvshmemId = 0x1110'1af4;
constexpr std::uint32_t kCommandRegister = 0x04, kBar0 = 0x10, kBar1 = 0x14, kBar2 = 0x18, kBar3 = 0x1c;
constexpr std::uint32_t kCapabilities = 0x34;
constexpr std::uint32_t kMemorySpace = 1 << 1, kBusMaster = 1 << 2;
constexpr std::uint8_t kMsixCapability = 0x11;

std::uint32_t device = ~0u;

std::uint32_t config_read(std::uint32_t function, std::uint32_t offset) {
    port_write32(kConfigAddress, 0x8000'0000 | function << 8 | offset);
    return port_read32(kConfigData);
}
void config_write(std::uint32_t function, std::uint32_t offset, std::uint32_t value) {
    port_write32(kConfigAddress, 0x8000'0000 | function << 8 | offset);
    port_write32(kConfigData, value);
}

}  // namespace

std::uint64_t find_link() {
    for (std::uint32_t slot = 0; slot < 32 && device == ~0u; slot++) {
        if (config_read(slot << 3, 0) == kIvshmemId) device = slot << 3;
    }
    check(device != ~0u, "no ivshmem-doorbell device on PCI bus 0; start the VM with the enclavisor command");

    config_write(device, kBar2, 0xffff'ffff);
    config_write(device, kBar3, 0xffff'ffff);
    const std::uint64_t mask =
        std::uint64_t{config_read(device, kBar3)} << 32 | (config_read(device, kBar2) & ~0xfu);
    const std::uint64_t size = ~mask + 1;
    check(mask != 0 && (size & (size - 1)) == 0 && size >= abi::kLinkDefaultSize / 8 &&
              size <= abi::kLinkMaxSize,
          "the link's size must be a power of two from 8 MiB to 256 MiB");

    config_write(device, kBar0, static_cast<std::uint32_t>(abi::kDoorbellRegistersPhys));
    config_write(device, kBar1, static_cast<std::uint32_t>(abi::kDoorbellVectorsPhys));
    config_write(device, kBar2, static_cast<std::uint32_t>(abi::kLinkPhys));
    config_write(device, kBar3, static_cast<std::uint32_t>(abi::kLinkPhys >> 32));
    config_write(device, kCommandRegister, kMemorySpace | kBusMaster);
    return size;
}

void enable_doorbell() {
    // Each capability is 4-aligned in the 256 bytes of configuration space, so a
    // list that the host made circular still ends after 64 steps.
    std::uint32_t offset = config_read(device, kCapabilities) & 0xfc;
    for (int steps = 0; offset != 0 && steps < 64; steps++) {
        const std::uint32_t head = config_read(device, offset);
        if ((head & 0xff) == kMsixCapability) {
            register_write(kVectorsVirt, 0xfee0'0000);  // to the local APIC 0
            register_write(kVectorsVirt + 4, 0);
            register_write(kVectorsVirt + 8, kDoorbellVector);
            register_write(kVectorsVirt + 12, 0);  // not masked
            config_write(device, offset, head | 1u << 31);
            return;
        }
        offset = head >> 8 & 0xfc;
    }
    panic("the ivshmem device has no MSI-X; use ivshmem-doorbell with vectors=1");
}

void ring_doorbell() {
    constexpr std::uint32_t kDoorbellRegister = 12;
    register_write(kDoorbellVirt + kDoorbellRegister, std::uint32_t{abi::kHostPeer} << 16);
}

}  // namespace enclavisor::kernel

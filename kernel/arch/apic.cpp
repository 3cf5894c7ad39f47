#include "kernel/arch/apic.hpp"

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/platform/devices.hpp"

namespace enclavisor::kernel {
namespace {

enum Register : std::uint32_t {
    kTaskPriority = 0x80,
    kEoi = 0xb0,
    kSpurious = 0xf0,
    kInService = 0x100,  // vectors 0 to 31
    kCommandLow = 0x300,
    kCommandHigh = 0x310,
    kLvtTimer = 0x320,
    kLvtInterrupt0 = 0x350,
    kLvtInterrupt1 = 0x360,
    kInitialCount = 0x380,
    kDivide = 0x3e0,
};
constexpr std::uint32_t kMasked = 1 << 16;
// Interrupt command register.
constexpr std::uint32_t kPending = 1 << 12, kAssert = 1 << 14;
constexpr std::uint32_t kInit = 5 << 8, kStartup = 6 << 8;

std::uint32_t get(Register offset) {
    return register_read(kApicVirt + offset);
}
void set(Register offset, std::uint32_t value) {
    register_write(kApicVirt + offset, value);
}

void command(std::uint32_t id, std::uint32_t what) {
    while (get(kCommandLow) & kPending) arch::pause();
    set(kCommandHigh, id << 24);
    set(kCommandLow, kAssert | what);
}

}  // namespace

void Apic::initialise() {
    port_write8(0x21, 0xff);  // 8259: all lines masked
    port_write8(0xa1, 0xff);
    initialise_local();
}

void Apic::send(std::uint32_t id, std::uint8_t vector) {
    command(id, vector);
}
void Apic::send_init(std::uint32_t id) {
    command(id, kInit);
}
void Apic::send_startup(std::uint32_t id, std::uint8_t page) {
    command(id, kStartup | page);
}

void Apic::initialise_local() {
    set(kLvtInterrupt0, kMasked);
    set(kLvtInterrupt1, kMasked);
    set(kTaskPriority, 0);
    set(kSpurious, 0x100 | kSpuriousVector);
    set(kDivide, 0xb);  // by 1
    set(kLvtTimer, kTimerVector);
}

void Apic::end_of_interrupt() {
    set(kEoi, 0);
}

bool Apic::in_service(std::uint64_t vector) {
    return get(kInService) >> vector & 1;
}

void Apic::set_timer(std::uint64_t nanoseconds) {
    constexpr std::uint64_t kMax = 0xffff'ffff;
    set(kInitialCount, static_cast<std::uint32_t>(nanoseconds < kMax ? nanoseconds : kMax));
}

}  // namespace enclavisor::kernel

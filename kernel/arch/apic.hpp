// The local APIC (APM2 16), as far as it is used: end of interrupt, a one-shot
// timer, interrupts to other vCPUs.
#pragma once

#include <cstdint>

namespace enclavisor::kernel {

inline constexpr std::uint8_t kTimerVector = 0x40;
inline constexpr std::uint8_t kSpuriousVector = 0xff;

class Apic {
public:
    // The boot processor's; also silences the legacy interrupt controllers.
    static void initialise();
    static void initialise_local();
    // To the processor with that identifier: an interrupt; INIT; STARTUP at a page
    // below 1 MiB (APM2 16.5).
    static void send(std::uint32_t id, std::uint8_t vector);
    static void send_init(std::uint32_t id);
    static void send_startup(std::uint32_t id, std::uint8_t page);
    static void end_of_interrupt();
    // Whether `vector`, below 32, came as an interrupt: a hypervisor may send
    // interrupts with the vectors of exceptions.
    static bool in_service(std::uint64_t vector);
    // Interrupts once after `nanoseconds` (the timer counts at 1 GHz under QEMU
    // and KVM); 0 turns the timer off.
    static void set_timer(std::uint64_t nanoseconds);
};

}  // namespace enclavisor::kernel

// Lines for the serial port, for what goes wrong before or instead of work.
// Carries addresses of the kernel's own at most, never an enclave's data.
#pragma once

#include <cstdint>

namespace enclavisor::kernel {

void log_text(const char* text);
void log_number(std::uint64_t number);  // hexadecimal

inline void log_part(const char* text) {
    log_text(text);
}
inline void log_part(std::uint64_t number) {
    log_number(number);
}

template <typename... Parts>
void log_line(Parts... parts) {
    (log_part(parts), ...);
    log_text("\n");
}

}  // namespace enclavisor::kernel

#include "kernel/log.hpp"

#include "kernel/platform/devices.hpp"

namespace enclavisor::kernel {
namespace {
constexpr std::uint16_t kSerialPort = 0x3f8;
}

void log_text(const char* text) {
    for (; *text != '\0'; text++) port_write8(kSerialPort, static_cast<std::uint8_t>(*text));
}

void log_number(std::uint64_t number) {
    char digits[19] = "0x0000000000000000";
    for (int i = 17; i >= 2; i--, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
    log_text(digits);
}

}  // namespace enclavisor::kernel

#include "kernel/platform/vc.hpp"

#include <cstddef>

namespace enclavisor::kernel {
namespace {

struct Intercepted {
    std::uint64_t exit_code;  // APM2 appendix C
    std::uint8_t code[3];
    std::uint8_t length;
    VcAnswer answer;
};
constexpr Intercepted kIntercepted[] = {
    {0x72, {0x0f, 0xa2}, 2, VcAnswer::kCpuid},
    {0x6e, {0x0f, 0x31}, 2, VcAnswer::kUndefined},        // RDTSC: a VM without its own clock is of no use
    {0x87, {0x0f, 0x01, 0xf9}, 3, VcAnswer::kUndefined},  // RDTSCP
    {0x6f, {0x0f, 0x33}, 2, VcAnswer::kUndefined},        // RDPMC
    {0x81, {0x0f, 0x01, 0xd9}, 3, VcAnswer::kUndefined},  // VMMCALL
    {0x8a, {0x0f, 0x01, 0xc8}, 3, VcAnswer::kUndefined},  // MONITOR
    {0x8b, {0x0f, 0x01, 0xc9}, 3, VcAnswer::kUndefined},  // MWAIT
    {0x8e, {0x0f, 0x01, 0xfd}, 3, VcAnswer::kUndefined},  // RDPRU
};

}  // namespace

VcAnswer judge_vc(std::uint64_t exit_code, std::span<const std::uint8_t> code) {
    constexpr std::uint64_t kDebug = 1, kAlignment = 17;
    if (exit_code == kExitException + kDebug || exit_code == kExitException + kAlignment)
        return VcAnswer::kException;
    for (const Intercepted& one : kIntercepted) {
        if (one.exit_code != exit_code || code.size() < one.length) continue;
        bool same = true;
        for (std::size_t i = 0; i < one.length; i++) same = same && code[i] == one.code[i];
        if (same) return one.answer;
    }
    return VcAnswer::kRefused;
}

}  // namespace enclavisor::kernel

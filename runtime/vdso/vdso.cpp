// The vDSO: the clock functions that libc looks up in AT_SYSINFO_EHDR, so that
// reading a clock is an ordinary call. Position-independent, no dependencies.
#include <sys/time.h>
#include <time.h>

#include "runtime/time/time_data.hpp"

using namespace enclavisor::runtime;

// The writable page before the image (vdso.ld).
extern "C" [[gnu::visibility("hidden")]] TimeData vdso_time_data;

namespace {

// The system call, which knows all clocks.
int ask(long number, clockid_t id, timespec* time) {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(id), "S"(time) : "rcx", "r11", "memory");
    return static_cast<int>(result);
}
constexpr long kClockGettime = 228, kClockGetres = 229;

}  // namespace

extern "C" {

int __vdso_clock_gettime(clockid_t id, timespec* time) {
    const ClockKind kind = kind_of_clock(id);
    if (kind == ClockKind::kUnknown) return ask(kClockGettime, id, time);
    const std::uint64_t now = read_clock(vdso_time_data, kind);
    time->tv_sec = static_cast<time_t>(now / kNanoseconds);
    time->tv_nsec = static_cast<long>(now % kNanoseconds);
    return 0;
}

int __vdso_clock_getres(clockid_t id, timespec* resolution) {
    if (kind_of_clock(id) == ClockKind::kUnknown) return ask(kClockGetres, id, resolution);
    if (resolution != nullptr) *resolution = {0, 1};
    return 0;
}

int __vdso_gettimeofday(timeval* time, struct timezone* zone) {
    if (time != nullptr) {
        const std::uint64_t now = read_clock(vdso_time_data, ClockKind::kWall);
        time->tv_sec = static_cast<time_t>(now / kNanoseconds);
        time->tv_usec = static_cast<long>(now % kNanoseconds / 1000);
    }
    if (zone != nullptr) *zone = {};
    return 0;
}

time_t __vdso_time(time_t* result) {
    const auto now = static_cast<time_t>(read_clock(vdso_time_data, ClockKind::kWall) / kNanoseconds);
    if (result != nullptr) *result = now;
    return now;
}

long __vdso_getcpu(unsigned* cpu, unsigned* node, void*) {
    if (cpu != nullptr) *cpu = 0;
    if (node != nullptr) *node = 0;
    return 0;
}
}

// A vCPU with nothing to run, and the timer.
#pragma once

#include <cstdint>

namespace enclavisor::kernel {

struct Kernel;
struct PerCpu;

// Entries that one step of freezing, or of giving memory back, looks at: a fraction
// of a slice.
inline constexpr std::uint64_t kBackgroundStep = 4096;

// Until a thread is ready. Does not return when it halts: the interrupt starts
// afresh in on_idle_interrupt(), which calls leave_idle().
void idle(Kernel& kernel, PerCpu& cpu);
void leave_idle(PerCpu& cpu);

// Whether something waits for the current thread's slice to end: another thread,
// an interrupt for it, work in the background, commands beyond the round's.
bool wants_slices(Kernel& kernel);

// The timer runs only when something depends on it: that, or a sleeper's deadline.
void set_timer(Kernel& kernel, PerCpu& cpu, bool idle);

}  // namespace enclavisor::kernel

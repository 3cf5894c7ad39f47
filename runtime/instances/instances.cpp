#include "runtime/instances/instances.hpp"

#include <errno.h>

#include "runtime/files/memory_file.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

std::uint64_t instance_handle = 0;

// What was mixed into the kernel's 256 fresh bits is not needed: every random number
// here comes from the processor itself (support/random.cpp) and no state is kept.
std::int64_t freeze() {
    std::int64_t result;
    std::uint64_t handle, rsi, rdx;
    asm volatile("syscall"
                 : "=a"(result), "=D"(handle), "=S"(rsi), "=d"(rdx)
                 : "a"(abi::Call::kFreeze), "D"(0)
                 : "rcx", "r8", "r9", "r10", "r11", "memory");
    if (result == 0) instance_handle = handle;
    return result;
}

}  // namespace

std::int64_t become_template() {
    process().memory->hide_shared();
    system().timers.stop();
    if (freeze() != 0) {
        system().timers.start();
        return -EBUSY;
    }
    // Before anything else can ask for it.
    process().memory->wipe();
    restart_host();
    system().begin_instance(read_start());
    system().timers.start();
    return 0;
}

Opened open_ready(int flags) {
    if (const std::int64_t error = become_template(); error != 0) return failed(error);
    struct stat info {};
    info.st_mode = S_IFREG | 0444;
    info.st_nlink = 1;
    return Ref<OpenFile>{new TextFile(flags, info, join(instance_handle, "\n"))};
}

void on_input() {
    // Whether it succeeds or not: this was the point.
    system().freezes_at_input = false;
    become_template();
}

}  // namespace enclavisor::runtime

#include "runtime/instances/instances.hpp"

#include <errno.h>

#include "runtime/files/memory_file.hpp"
#include "runtime/host/host.hpp"
#include "runtime/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/text.hpp"
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

void wipe(Process& process) {
    for (const Area& area : process.memory.areas().all()) {
        if (area.wiped_in_instances) range_call(abi::Call::kDiscard, area.range.begin, area.range.size());
    }
}

}  // namespace

std::int64_t become_template() {
    if (freeze() != 0) return -EBUSY;
    Process& process = runtime::process();
    // Before anything else can ask for it.
    wipe(process);
    restart_host();
    process.begin_instance(read_start());
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
    process().freezes_at_input = false;
    become_template();
}

}  // namespace enclavisor::runtime

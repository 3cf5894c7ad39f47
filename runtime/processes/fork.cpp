#include "runtime/processes/fork.hpp"

#include <errno.h>
#include <signal.h>

#include <memory>

#include "runtime/processes/end.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/program_memory.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr std::uint64_t kIdFlags =
    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
// Flags that mean nothing here: one name space of semaphores, no ptrace, no I/O priorities.
constexpr std::uint64_t kIdleFlags =
    CLONE_SYSVSEM | CLONE_DETACHED | CLONE_IO | CLONE_PTRACE | CLONE_UNTRACED;
constexpr std::uint64_t kProcessFlags =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT | CLONE_CLEAR_SIGHAND;

ThreadStart start_of(const abi::Registers& frame, const clone_args& wanted) {
    ThreadStart start{};
    start.registers = frame;
    start.registers.rax = 0;
    if (wanted.stack != 0) start.registers.rsp = wanted.stack + wanted.stack_size;
    if (wanted.flags & CLONE_SETTLS) {
        start.fs_base = wanted.tls;
    } else {
        asm volatile("rdfsbase %0" : "=r"(start.fs_base));
    }
    if (wanted.flags & CLONE_PARENT_SETTID) start.id_address = wanted.parent_tid;
    if (wanted.flags & CLONE_CHILD_SETTID) start.child_id_address = wanted.child_tid;
    if (wanted.flags & CLONE_CHILD_CLEARTID) start.clear_child_id = wanted.child_tid;
    return start;
}

// A copy-on-write copy of the caller's address space: its number, or -ENOMEM.
std::int64_t copy_space() {
    const std::int64_t space = kernel_call(abi::Call::kForkSpace);
    if (space < 0) return -ENOMEM;
    for (std::int64_t cursor = 0;;) {
        cursor = kernel_call(abi::Call::kCopySpace, static_cast<std::uint64_t>(space),
                             static_cast<std::uint64_t>(cursor));
        if (cursor == 0) return space;
        if (cursor > 0) continue;
        kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space));
        return -ENOMEM;
    }
}

// What of `parent` the child has for itself.
void part_from(Process& child, const Process& parent, std::uint64_t flags) {
    if (!(flags & CLONE_VM)) child.memory = make_ref<Memory>(*parent.memory);
    if (!(flags & CLONE_FILES)) child.files = make_ref<Descriptors>(*parent.files);
    if (!(flags & CLONE_FS)) child.directory = make_ref<Directory>(*parent.directory);
    if (!(flags & CLONE_SIGHAND)) child.signals.own_actions();
    if (flags & CLONE_CLEAR_SIGHAND) child.signals.clear_handlers();
    if (flags & CLONE_PARENT) {
        child.parent = parent.parent;
        child.exit_signal = parent.exit_signal;
    }
}

std::int64_t clone_process(const abi::Registers& frame, const clone_args& wanted) {
    Process& parent = process();
    auto made = std::make_unique<Process>(parent, system().threads.next_id());
    made->exit_signal = static_cast<int>(wanted.exit_signal);
    part_from(*made, parent, wanted.flags);
    const std::int64_t space = wanted.flags & CLONE_VM ? 0 : copy_space();
    if (space < 0) return space;

    Process& child = system().processes.add(std::move(made));
    const std::uint32_t pid = child.pid;
    Thread& thread = this_thread();
    if (wanted.flags & CLONE_VFORK) {
        child.vfork_parent = &thread;
        thread.waits_for_exec = true;
    }
    const std::int64_t error =
        system().threads.create_leader(child, static_cast<std::uint64_t>(space), start_of(frame, wanted));
    if (error != 0) {
        thread.waits_for_exec = false;
        if (space != 0) kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space));
        system().processes.ended();
        system().processes.remove(child);
        return error;
    }
    // A second stack over the first one's: fork's child goes on where its parent was.
    if (wanted.stack == 0) child.leader->signals.stack() = thread.signals.stack();
    if (!(wanted.flags & CLONE_VFORK)) return pid;
    sleep_deeply([&] { return !thread.waits_for_exec; });
    // It has to end meanwhile: nobody is to be woken.
    Process* still = system().processes.find(pid);
    if (still != nullptr && still->vfork_parent == &thread) still->vfork_parent = nullptr;
    return pid;
}

}  // namespace

std::int64_t clone(const abi::Registers& frame, const clone_args& wanted) {
    const std::uint64_t flags = wanted.flags;
    if (has_to_end(this_thread())) return -EAGAIN;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) return -EINVAL;
    if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND)) return -EINVAL;
    if ((flags & CLONE_THREAD) && (flags & CLONE_VFORK)) return -EINVAL;
    if ((flags & CLONE_FS) && (flags & (CLONE_NEWNS | CLONE_NEWUSER))) return -EINVAL;
    if (flags & kNamespaceFlags) return -EPERM;
    const bool thread = flags & CLONE_THREAD;
    const std::uint64_t known = kIdFlags | kIdleFlags | (thread ? kThreadFlags : kProcessFlags);
    if (flags & ~known || (thread && (flags & kThreadFlags) != kThreadFlags)) {
        count_unsupported(frame.vector);
        return -ENOSYS;
    }
    if ((flags & CLONE_SETTLS) && wanted.tls >= abi::kEnclaveEnd) return -EPERM;
    if (wanted.exit_signal > kSignalCount) return -EINVAL;
    return thread ? system().threads.create(start_of(frame, wanted)) : clone_process(frame, wanted);
}

}  // namespace enclavisor::runtime

using namespace enclavisor::runtime;

// Where a new process begins (entry.S): on its own stack in the runtime, with what it
// returns to.
extern "C" void begin_process(enclavisor::abi::Registers* frame) {
    const Locked locked;
    Thread& thread = this_thread();
    frame->vector = 0;
    process().memory->begin_copy();
    if (thread.child_id_address != 0) put(thread.child_id_address, thread.id);
    deliver_signals(*frame);
}

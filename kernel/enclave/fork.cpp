#include "kernel/enclave/fork.hpp"

#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/arch/random.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {
namespace {

using abi::ControlStatus;
using abi::EnclaveState;

bool is_parked(const Thread& thread) {
    return thread.waiting == Waiting::kWord || thread.waiting == Waiting::kCall;
}

// What the call returns in an instance (abi/enclave/calls.hpp).
bool set_result(Enclave& instance, Thread& thread, std::uint64_t slot) {
    abi::Registers& r = thread.registers;
    r.rax = 0;
    r.rdi = instance.handle;
    r.rsi = slot;
    for (std::uint64_t* word : {&r.rdx, &r.r8, &r.r9, &r.r10}) {
        const auto random = random_word();
        if (!random) return false;
        *word = *random;
    }
    return true;
}

bool renew_block(Enclave& instance, Thread& thread) {
    if (!own_block(&thread)) return false;
    abi::ThreadBlock& block = *thread.block;
    block.instance = instance.handle;
    block.generation = instance.handle;
    for (std::uint64_t& word : block.seed) {
        const auto random = random_word();
        if (!random) return false;
        word = *random;
    }
    return true;
}

// Puts the instance's own I/O window in place of the template's.
bool map_io_window(Enclave& instance, std::uint64_t io_offset) {
    instance.io_offset = io_offset;
    return instance.first_space.tables.replace(
        instance.io_address, PageCount{instance.io_pages},
        [io_offset](std::uint64_t i) { return Link::io_page(io_offset + i * abi::kPageSize); });
}

bool populate(Kernel& kernel, Enclave& instance, Enclave& origin, std::uint64_t io_offset) {
    const bool has_runtime = origin.has_runtime();
    if (has_runtime && !map_io_window(instance, io_offset)) return false;
    for (Thread* from = origin.threads.first(); from != nullptr; from = ThreadList::next(from)) {
        Thread* thread = copy_thread(instance, *from);
        if (thread == nullptr) return false;
        // The kernel itself writes to these blocks when it likes.
        if ((has_runtime || origin.exception_entry != 0) && !renew_block(instance, *thread)) return false;
        if (from->parked == Waiting::kNothing &&
            !set_result(instance, *thread, has_runtime ? 0 : io_offset - origin.io_offset))
            return false;
        thread->io_word += instance.io_offset - origin.io_offset;
    }
    // Only when nothing can fail any more.
    const std::uint64_t slot = origin.call_word.value_or(0) + io_offset;
    const bool sleeps = origin.call_word && kernel.link.word(slot) == 0;
    for (Thread* t = instance.threads.first(); t != nullptr; t = ThreadList::next(t)) {
        const Waiting parked = t->parked;
        t->parked = Waiting::kNothing;
        if (parked == Waiting::kNothing && sleeps) {
            t->io_word = slot;
            t->expected = 0;
            kernel.scheduler.wait(t, Waiting::kCall, 0);
        } else if (parked == Waiting::kNothing) {
            kernel.scheduler.make_ready(t);
        } else {
            kernel.scheduler.wait(t, parked, t->deadline);
        }
    }
    return true;
}

}  // namespace

void begin_freeze(Kernel& kernel, Thread* thread, std::optional<std::uint64_t> call_word) {
    Enclave& enclave = *thread->enclave;
    if (!enclave.objects.empty() || !enclave.mappings.empty()) return;
    if (enclave.spaces.first() != enclave.spaces.last() || enclave.joint_entries != 0) return;
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t)) {
        if (t != thread && !is_parked(*t)) return;
    }
    PerCpu& cpu = this_cpu();
    put_away(cpu);  // its vector state belongs to the template
    // Instances begin with the same tables: what this vCPU may write through them is over.
    forget_running(enclave);
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t)) {
        const Waiting parked = t->waiting;
        const std::uint64_t deadline = t->deadline;
        kernel.scheduler.forget(t);
        t->parked = parked;
        t->deadline = deadline;
    }
    enclave.call_word = call_word;
    enclave.state = EnclaveState::kFreezing;
    if (!enclave.background.linked) kernel.background.push_back(&enclave);
}

bool continue_freeze(Kernel& kernel, Enclave& enclave, std::uint64_t budget) {
    // Frames of a template have no reference but its tables' and threads'.
    if (!free_spaces(enclave, budget) || !enclave.spaces.first()->tables.freeze(budget)) return false;
    enclave.state = EnclaveState::kTemplate;
    publish_status(kernel, enclave, {});
    return true;
}

Forked fork(Kernel& kernel, Enclave& origin, std::uint64_t io_offset) {
    Enclave* instance = kernel.enclaves.create_instance(kernel.frames, origin);
    if (instance == nullptr) return {ControlStatus::kNoSlot};
    if (!populate(kernel, *instance, origin, io_offset)) {
        instance->abandoned = true;
        end_enclave(kernel, *instance, {.reason = abi::EndReason::kOutOfMemory});
        return {ControlStatus::kNoMemory};
    }
    publish_status(kernel, *instance, {});
    return {ControlStatus::kOk, instance};
}

void pause(Kernel& kernel, Enclave& enclave) {
    enclave.state = EnclaveState::kPaused;
    kernel.scheduler.set_runnable(enclave, false);
    interrupt_running(enclave);  // those threads stay in ring 0: leave() puts them back
    publish_status(kernel, enclave, {});
}

void resume(Kernel& kernel, Enclave& enclave) {
    enclave.state = EnclaveState::kRunning;
    kernel.scheduler.set_runnable(enclave, true);
    publish_status(kernel, enclave, {});
}

}  // namespace enclavisor::kernel

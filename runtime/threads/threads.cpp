#include "runtime/threads/threads.hpp"

#include <errno.h>

#include "abi/platform/layout.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/program_memory.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"

extern "C" {
[[gnu::visibility("hidden")]] void start_program_thread();
[[gnu::visibility("hidden")]] void start_program_process();
}

namespace enclavisor::runtime {
namespace {

// Each thread's stacks in the runtime: a gap, the ordinary one, and above it that of
// exceptions, which needs little. Only what is touched takes memory.
constexpr std::uint64_t kStacksBase = 0x7f60'0000'0000;
constexpr std::uint64_t kStackStride = 128 << 10;
constexpr std::uint64_t kExceptionStack = 16 << 10;
constexpr std::uint64_t kGap = 48 << 10;

constexpr std::uint32_t kMaxId = 1 << 22;  // PID_MAX_LIMIT

// What a thread inherits of the floating point's control: MXCSR, and above it the x87's word.
std::uint64_t control_words() {
    std::uint32_t mxcsr;
    std::uint16_t x87;
    asm volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return mxcsr | std::uint64_t{x87} << 32;
}

}  // namespace

void Threads::start(Process& first, std::uint32_t most, abi::ThreadBlock* block) {
    slots_.push_back(std::make_unique<Thread>(0, block));
    Thread& thread = *slots_[0];
    thread.process = &first;
    thread.id = last_id_ = first.pid;
    thread.number = block->thread;
    block->runtime[kWordThread] = reinterpret_cast<std::uint64_t>(&thread);
    first.leader = &thread;
    first.thread_count = count_ = 1;
    most_ = most;
}

Thread* Threads::find(std::uint32_t id) const {
    for (const auto& thread : slots_) {
        if (id != 0 && thread->id == id) return thread.get();
    }
    return nullptr;
}

std::uint32_t Threads::next_id() {
    const Processes& processes = system().processes;
    const auto taken = [&](std::uint32_t id) {
        return find(id) != nullptr || processes.find(id) != nullptr || processes.has_group(id);
    };
    do {
        ids_came_round_ |= last_id_ == kMaxId;
        last_id_ = last_id_ % kMaxId + 1;
    } while (ids_came_round_ && taken(last_id_));
    return last_id_;
}

// Maps a block and stacks for one more thread. False: no memory.
bool Threads::add_slot() {
    const auto slot = static_cast<std::uint32_t>(slots_.size());
    const std::uint64_t block = abi::kThreadBlockBase + slot * abi::kPageSize;
    const std::uint64_t stacks = kStacksBase + slot * kStackStride;
    constexpr std::uint64_t kReadWrite = abi::kRead | abi::kWrite;
    if (!range_call(abi::Call::kMap, block, abi::kPageSize, kReadWrite) ||
        !range_call(abi::Call::kMap, stacks + kGap, kStackStride - kGap, kReadWrite)) {
        return false;
    }
    auto& words = reinterpret_cast<abi::ThreadBlock*>(block)->runtime;
    slots_.push_back(std::make_unique<Thread>(slot, reinterpret_cast<abi::ThreadBlock*>(block)));
    words[kWordSyscallStack] = stacks + kStackStride - kExceptionStack;
    words[kWordExceptionStack] = stacks + kStackStride;
    words[kWordThread] = reinterpret_cast<std::uint64_t>(slots_.back().get());
    free_.push_back(slots_.back().get());
    return true;
}

Thread* Threads::take_slot() {
    // The last ones may still be on their way into the kernel.
    for (std::size_t i = free_.size(); i-- > 0;) {
        Thread* thread = free_[i];
        if (!is_gone(*thread)) continue;
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i));
        return thread;
    }
    if (!add_slot()) return nullptr;
    Thread* thread = free_.back();
    free_.pop_back();
    return thread;
}

void Threads::give_back(Thread& thread) {
    thread.id = 0;
    // The first of all is not used again: its stacks are the runtime's own.
    if (thread.slot != 0) free_.push_back(&thread);
}

Thread* Threads::prepare(std::uint32_t id, Process& process, const ThreadStart& start) {
    if (count_ >= most_) return nullptr;
    Thread* thread = take_slot();
    if (thread == nullptr) return nullptr;
    thread->process = &process;
    thread->signals.inherit(this_thread().signals);
    thread->set_work(~0ull, false);
    thread->clear_child_id = start.clear_child_id;
    thread->child_id_address = 0;
    thread->robust_list = 0;
    thread->sleeps_until = 0;
    thread->scheduling = this_thread().scheduling.inherited();
    thread->name = this_thread().name;
    thread->present = 1;
    thread->id = id;  // it may run before the kernel's call returns
    return thread;
}

// `start.registers.rip` and `rsp` are where it begins in the runtime.
std::int64_t Threads::run(Thread& thread, const ThreadStart& start, std::uint64_t space,
                          std::uint64_t flags) {
    this_thread().block->resume = start.registers;
    const std::int64_t number = kernel_call(
        abi::Call::kCreateThread, reinterpret_cast<std::uint64_t>(thread.block), start.fs_base, space, flags);
    if (number < 0) {
        thread.present = 0;
        give_back(thread);
        return -EAGAIN;
    }
    thread.number = static_cast<std::uint64_t>(number);
    thread.process->thread_count++;
    count_++;
    return 0;
}

std::int64_t Threads::create(const ThreadStart& start) {
    const std::uint32_t id = next_id();
    Thread* thread = prepare(id, process(), start);
    if (thread == nullptr) return -EAGAIN;
    for (const std::uint64_t address : {start.id_address, start.child_id_address}) {
        if (address == 0 || put(address, id) == 0) continue;
        thread->present = 0;
        give_back(*thread);
        return -EFAULT;
    }
    thread->block->runtime[kWordControl] = control_words();
    thread->block->runtime[kWordEntry] = start.registers.rip;
    ThreadStart in_runtime = start;
    in_runtime.registers.rip = reinterpret_cast<std::uint64_t>(&start_program_thread);
    const std::int64_t error = run(*thread, in_runtime, 0, 0);
    return error != 0 ? error : id;
}

std::int64_t Threads::create_leader(Process& process, std::uint64_t space, const ThreadStart& start) {
    Thread* thread = prepare(process.pid, process, start);
    if (thread == nullptr) return -EAGAIN;
    if (start.id_address != 0 && put(start.id_address, process.pid) != 0) {
        thread->present = 0;
        give_back(*thread);
        return -EFAULT;
    }
    process.leader = thread;
    thread->child_id_address = start.child_id_address;
    // It finds its registers where it would have put them itself at a call.
    auto* frame = reinterpret_cast<abi::Registers*>(thread->block->runtime[kWordSyscallStack]) - 1;
    *frame = start.registers;
    ThreadStart in_runtime = start;
    in_runtime.registers.rip = reinterpret_cast<std::uint64_t>(&start_program_process);
    in_runtime.registers.rsp = reinterpret_cast<std::uint64_t>(frame);
    return run(*thread, in_runtime, space, abi::kKeepVectorState);
}

std::int64_t Threads::create_leader(Process& process, std::uint64_t space, void (*begin)()) {
    ThreadStart start{};
    Thread* thread = prepare(process.pid, process, start);
    if (thread == nullptr) return -EAGAIN;
    process.leader = thread;
    thread->signals.set_mask(~0ull);
    start.registers = in_runtime(*thread, begin);
    return run(*thread, start, space, 0);
}

void Threads::leave(Process& process) {
    Thread& thread = this_thread();
    if (process.leader != &thread) give_back(*process.leader);
    process.leader = nullptr;
    thread.process = nullptr;
}

void Threads::lead(Process& process) {
    Thread& thread = this_thread();
    if (process.leader == &thread) return;
    give_back(*process.leader);
    process.leader = &thread;
    thread.id = process.pid;
}

void Threads::exit() {
    Thread& thread = this_thread();
    count_--;
    thread.id = 0;
    // What is known of a leader stays as long as its process.
    if (thread.process == nullptr || thread.process->leader != &thread) give_back(thread);
    runtime_lock.unlock();
    kernel_call(abi::Call::kExitThread, reinterpret_cast<std::uint64_t>(&thread.present));
    __builtin_trap();
}

bool Threads::is_gone(const Thread& thread) {
    return __atomic_load_n(&thread.present, __ATOMIC_ACQUIRE) == 0;
}

void Threads::wait_until_gone(const Thread& thread) {
    while (!is_gone(thread)) {
        kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&thread.present), 1, 0);
    }
}

abi::Registers Threads::in_runtime(const Thread& thread, void (*begin)()) {
    abi::Registers registers{};
    registers.rip = reinterpret_cast<std::uint64_t>(begin);
    registers.rsp = thread.block->runtime[kWordSyscallStack] - 8;  // as after a call
    registers.rflags = 0x202;
    return registers;
}

bool Threads::run_own(Thread*& thread, void (*begin)()) {
    if (thread == nullptr) thread = take_slot();
    if (thread == nullptr) return false;
    wait_until_gone(*thread);
    const std::int64_t space = kernel_call(abi::Call::kForkSpace);
    if (space < 0) return false;
    thread->process = nullptr;
    thread->set_work(~0ull, false);
    thread->present = 1;
    this_thread().block->resume = in_runtime(*thread, begin);
    const std::int64_t number =
        kernel_call(abi::Call::kCreateThread, reinterpret_cast<std::uint64_t>(thread->block), 0,
                    static_cast<std::uint64_t>(space), 0);
    if (number < 0) {
        thread->present = 0;
        kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space));
        return false;
    }
    thread->number = static_cast<std::uint64_t>(number);
    return true;
}

void Threads::exit_own() {
    const Thread& thread = this_thread();
    runtime_lock.unlock();
    kernel_call(abi::Call::kExitThread, reinterpret_cast<std::uint64_t>(&thread.present));
    __builtin_trap();
}

}  // namespace enclavisor::runtime

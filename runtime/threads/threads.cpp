#include "runtime/threads/threads.hpp"

#include <errno.h>

#include "abi/platform/layout.hpp"
#include "runtime/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/program_memory.hpp"
#include "runtime/threads/lock.hpp"

extern "C" [[gnu::visibility("hidden")]] void start_program_thread();

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

bool still_there(const Thread& thread) {
    return __atomic_load_n(&thread.present, __ATOMIC_ACQUIRE) != 0;
}

}  // namespace

void Threads::start(std::uint32_t id, std::uint32_t most, abi::ThreadBlock* block) {
    slots_.push_back(std::make_unique<Thread>(0, block));
    first().id = last_id_ = id;
    first().number = block->thread;
    block->runtime[kWordThread] = reinterpret_cast<std::uint64_t>(&first());
    count_ = 1;
    most_ = most;
}

Thread* Threads::find(std::uint32_t id) const {
    Thread* found = nullptr;
    for_each([&](Thread& thread) {
        if (thread.id == id) found = &thread;
        return found != nullptr;
    });
    return found;
}

std::uint32_t Threads::next_id() {
    do {
        ids_came_round_ |= last_id_ == kMaxId;
        last_id_ = last_id_ % kMaxId + 1;
    } while (ids_came_round_ && (last_id_ == process().pid || find(last_id_) != nullptr));
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
        if (still_there(*thread)) continue;
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i));
        return thread;
    }
    if (!add_slot()) return nullptr;
    Thread* thread = free_.back();
    free_.pop_back();
    return thread;
}

std::int64_t Threads::create(const ThreadStart& start) {
    if (count_ >= most_) return -EAGAIN;
    Thread* thread = take_slot();
    if (thread == nullptr) return -EAGAIN;
    const std::uint32_t id = next_id();
    for (const std::uint64_t address : {start.id_address, start.child_id_address}) {
        if (address == 0 || put(address, id) == 0) continue;
        free_.push_back(thread);
        return -EFAULT;
    }
    thread->signals.inherit(this_thread().signals);
    thread->set_work(~0ull, false);
    thread->clear_child_id = start.clear_child_id;
    thread->robust_list = 0;
    thread->name = this_thread().name;
    thread->present = 1;
    thread->id = id;  // it may run before this function goes on
    thread->block->runtime[kWordControl] = control_words();
    thread->block->runtime[kWordEntry] = start.registers.rip;

    abi::Registers& resume = this_thread().block->resume;
    resume = start.registers;
    resume.rip = reinterpret_cast<std::uint64_t>(&start_program_thread);
    const std::int64_t number =
        kernel_call(abi::Call::kCreateThread, reinterpret_cast<std::uint64_t>(thread->block), start.fs_base);
    if (number < 0) {
        thread->id = thread->present = 0;
        free_.push_back(thread);
        return -EAGAIN;
    }
    thread->number = static_cast<std::uint64_t>(number);
    count_++;
    return id;
}

void Threads::exit() {
    Thread& thread = this_thread();
    thread.id = 0;
    count_--;
    pass_on_signals(thread, thread.signals.pending().set());
    // The first thread's place is not used again: its stacks are the runtime's own.
    if (&thread != &first()) free_.push_back(&thread);
    runtime_lock.unlock();
    kernel_call(abi::Call::kExitThread, reinterpret_cast<std::uint64_t>(&thread.present));
    __builtin_trap();
}

}  // namespace enclavisor::runtime

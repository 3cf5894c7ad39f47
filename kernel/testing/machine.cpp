#include "kernel/testing/machine.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "abi/evidence/attest_image.hpp"
#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/arch/random.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/log.hpp"
#include "kernel/panic.hpp"
#include "kernel/sched/idle.hpp"

extern "C" {
// Four pages: text, data, no read-only data, and a page of zeros.
extern const enclavisor::abi::AttestImage attest_begin[];
alignas(4096) const enclavisor::abi::AttestImage
    attest_begin[4096 / sizeof(enclavisor::abi::AttestImage) * 4] = {
        {enclavisor::abi::kAttestBase, 1, 0, 1, 1}};
[[noreturn]] void on_kernel_call(enclavisor::abi::Registers* registers);
[[noreturn]] void on_trap(enclavisor::abi::Registers* registers);
}

namespace enclavisor::kernel {

// --- what the hardware layer would provide -------------------------------

namespace {
// leave() does not return; in a test it goes back to whoever entered ring 0.
struct LeftKernel {};
Kernel* the_kernel = nullptr;
constexpr std::uint64_t kLinkSize = 8ull << 20;
}  // namespace

void panic(const char* reason) {
    std::fprintf(stderr, "panic: %s\n", reason);
    std::abort();
}
Kernel& lock_kernel() {
    return *the_kernel;
}
void unlock_kernel(Kernel&) {}
void ring_doorbell() {}
void Apic::end_of_interrupt() {}
bool Apic::in_service(std::uint64_t) {
    return false;
}
void log_text(const char*) {}
void log_number(std::uint64_t) {}
void Cpus::send_wake(PerCpu&) {}
void leave_idle(PerCpu&) {}
void flush(Space& space, PageRange) {
    space.tables.take_split();
}
void use_address_space(PerCpu& cpu, std::uint64_t cr3) {
    cpu.address_space = cr3;
}
void forget_space(const Space& space) {
    if (this_cpu().address_space == Entry::cr3(space.tables.root())) this_cpu().address_space = kernel_cr3();
}
void copy_vector_state(Thread&) {}
void interrupt_running(Enclave&) {}
void forget_running(Enclave& enclave) {
    PerCpu& cpu = this_cpu();
    if (cpu.current != nullptr && cpu.current->enclave == &enclave) cpu.current = nullptr;
    if (cpu.loaded != nullptr && cpu.loaded->enclave == &enclave) {
        account(cpu);
        cpu.loaded = nullptr;
    }
}
void put_away(PerCpu& cpu) {
    cpu.loaded = nullptr;
}
std::optional<std::uint64_t> random_word() {
    static std::uint64_t word = 1;
    return word += 2;
}
void leave(Kernel& kernel) {
    kernel.frames.reclaim();
    if (!kernel.background.empty()) work_in_background(kernel, 256);
    throw LeftKernel{};
}
void leave_to_next(Kernel& kernel) {
    PerCpu& cpu = this_cpu();
    if (cpu.current != nullptr && kernel.scheduler.anyone_ready()) {
        kernel.scheduler.make_ready(cpu.current);
        cpu.current = nullptr;
    }
    leave(kernel);
}

namespace testing {
namespace {

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

}  // namespace

FakeMachine::FakeMachine(std::uint64_t frames) : memory_((frames + 2) * 4096), link_(kLinkSize + 4096) {
    const auto aligned = [](char* p) { return (reinterpret_cast<std::uint64_t>(p) + 4095) & ~4095ull; };
    kDirectBase = aligned(memory_.data());
    kLinkVirt = aligned(link_.data());
    fake_cpu = {};
    kernel_ = new (kernel_bytes_) Kernel{};
    the_kernel = kernel_;
    const std::uint64_t first = frames * sizeof(FrameAllocator::Record) / 4096 + 1;
    const FrameAllocator::Range ranges[] = {{first, frames}, {frames, frames}};
    kernel_->frames.initialise(direct<FrameAllocator::Record>(PhysAddr{0}), ranges, 2);
    kernel_->link.initialise(kLinkSize);
    kernel_->attestation.start(*kernel_);
    settle();
    require(kernel_->objects.prepare(kernel_->frames), "no memory for handles");
    baseline_ = kernel_->frames.free_count();
}

FakeMachine::~FakeMachine() {
    the_kernel = nullptr;
}

void FakeMachine::scribble(std::uint64_t offset, std::uint64_t value) {
    std::memcpy(reinterpret_cast<void*>(kLinkVirt + offset % (kLinkSize - 8)), &value, 8);
    // A ring that claims billions of commands keeps the kernel busy for as long;
    // the test has less time.
    auto* ring = reinterpret_cast<abi::ControlRing*>(kLinkVirt + abi::kControlOffset);
    if (ring->submitted - submitted_ > 2 * abi::kControlDepth)
        ring->submitted = submitted_ + abi::kControlDepth;
    settle();
    submitted_ = ring->submitted;
}

void FakeMachine::settle() {
    for (int i = 0; i < 500; i++) {
        kernel_->frames.reclaim();
        kernel_->control.refill();
        kernel_->control.poll(*kernel_);
        if (!kernel_->background.empty()) work_in_background(*kernel_, 256);
        if (this_cpu().current == nullptr) this_cpu().current = kernel_->scheduler.pick();
        Thread* thread = this_cpu().current;
        if (thread == nullptr || !kernel_->attestation.is(*thread->enclave)) {
            if (!kernel_->attestation.busy() && kernel_->background.empty() && !kernel_->control.has_work())
                return;
            if (thread != nullptr) {
                kernel_->scheduler.make_ready(thread);
                this_cpu().current = nullptr;
            }
            continue;
        }
        call(static_cast<std::uint64_t>(abi::Call::kAttestNext), 0, 0, 0, 0);
    }
}

void FakeMachine::schedule() {
    PerCpu& cpu = this_cpu();
    if (cpu.current != nullptr) kernel_->scheduler.make_ready(cpu.current);
    cpu.current = kernel_->scheduler.pick();
    settle();
}

abi::ControlCompletion FakeMachine::command(abi::Command command, std::vector<std::uint64_t> arguments) {
    auto* ring = reinterpret_cast<abi::ControlRing*>(kLinkVirt + abi::kControlOffset);
    // A test may have scribbled over the ring: go on from what it says.
    submitted_ = ring->submitted;
    abi::ControlCommand entry{static_cast<std::uint32_t>(command), submitted_, {}};
    for (std::size_t i = 0; i < arguments.size() && i < 7; i++) entry.arguments[i] = arguments[i];
    ring->commands[submitted_ % abi::kControlDepth] = entry;
    const std::uint32_t slot = submitted_ % abi::kControlDepth;
    ring->submitted = ++submitted_;
    settle();
    return ring->completions[slot];
}

bool FakeMachine::call(std::uint64_t number, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                       std::uint64_t d) {
    Thread* thread = this_cpu().current;
    if (thread == nullptr) return false;
    abi::Registers& r = thread->registers;
    r.rax = number;
    r.rdi = a;
    r.rsi = b;
    r.rdx = c;
    r.r10 = d;
    try {
        on_kernel_call(&r);
    } catch (const LeftKernel&) {
    }
    return true;
}

bool FakeMachine::trap(std::uint64_t vector, std::uint64_t error, std::uint64_t address) {
    Thread* thread = this_cpu().current;
    if (thread == nullptr || kernel_->attestation.is(*thread->enclave)) return false;
    thread->registers.vector = vector;
    thread->registers.error = error;
    arch::fake_cr2 = address;
    try {
        on_trap(&thread->registers);
    } catch (const LeftKernel&) {
    }
    return true;
}

std::uint64_t FakeMachine::start_enclave(std::uint64_t limit) {
    using abi::Command;
    const std::uint64_t handle = command(Command::kCreate, {limit, 0, 0, 0, 0, 0}).values[0];
    command(Command::kAddPages, {handle, 0x400000, 1, abi::kRead | abi::kExecute, 0});
    command(Command::kAddZeroPages, {handle, 0x500000, 2, abi::kRead | abi::kWrite});
    command(Command::kAddThread,
            {handle, 0x400000, abi::kThreadBlockBase, abi::kIoAreaBase, abi::kIoPoolOffset, 2});
    command(Command::kSeal, {handle});
    command(Command::kStart, {handle});
    return handle;
}

std::vector<std::uint64_t> FakeMachine::live_handles() {
    std::vector<std::uint64_t> handles;
    for (std::uint32_t slot = 0; slot < 4096 && handles.size() + 1 < kernel_->enclaves.live(); slot++) {
        for (std::uint64_t generation = 1; generation < 4096; generation++) {
            const std::uint64_t handle = generation << 16 | slot;
            Enclave* enclave = kernel_->enclaves.find(handle);
            if (enclave == nullptr) continue;
            if (!kernel_->attestation.is(*enclave)) handles.push_back(handle);
            break;
        }
    }
    return handles;
}

bool FakeMachine::all_frames_return() {
    settle();
    // Templates go when their instances are gone.
    for (int generation = 0; generation < 16 && !live_handles().empty(); generation++) {
        for (const std::uint64_t handle : live_handles()) {
            command(abi::Command::kStop, {handle});
            command(abi::Command::kDestroy, {handle});
        }
    }
    check_invariants();
    if (kernel_->frames.free_count() == baseline_) return true;
    std::fprintf(stderr, "%lu frames free, %lu before; %lu enclaves live\n", kernel_->frames.free_count(),
                 baseline_, kernel_->enclaves.live());
    return false;
}

namespace {

constexpr int kCommon = abi::kCommonBegin >> 39;  // of a root

// Whose frames an enclave may show although they are not its own.
bool descends_from(const Enclave* enclave, const Enclave* ancestor) {
    while (enclave != nullptr && enclave != ancestor) enclave = enclave->origin;
    return enclave != nullptr;
}

// How an enclave's own frame is shown.
struct Uses {
    std::uint32_t references = 0, plain = 0, counted = 0;  // all, and entries by kind
};

// What check_invariants() learns of one enclave.
struct Inventory {
    Enclave* enclave;
    std::uint64_t joint = 0;
    std::map<std::uint64_t, Uses> own;
    std::vector<std::uint64_t> foreign, shown;  // frames; `shown`: of memory objects

    bool is_own(Entry entry) const {
        return enclave->state == abi::EnclaveState::kTemplate ? entry.is_lent() : !entry.is_foreign();
    }
    Uses& take(std::uint64_t frame) {
        own[frame].references++;
        return own[frame];
    }
    void check_page(Entry entry) {
        require(!(entry.present() && entry.writable() && entry.executable()), "writable and executable");
        require(!entry.present() || entry.user(), "a kernel page in an enclave");
        if (entry.is_shared()) {
            require(!entry.executable(), "executable memory of the host");
            require(base::range_within(entry.frame().value, 4096, abi::kLinkPhys + abi::kIoPoolOffset,
                                       abi::kLinkPhys + kLinkSize),
                    "a shared page outside the I/O pool");
        }
        if (!entry.holds_frame()) return;
        if (entry.is_object()) {
            shown.push_back(entry.frame().value);
        } else if (is_own(entry)) {
            Uses& uses = take(entry.frame().value);
            joint += entry.is_joint();
            uses.counted += entry.is_counted();
            uses.plain += !entry.is_counted() && !entry.is_joint();
            require(!entry.is_counted() || !entry.writable(), "a counted page that hardware lets be written");
        } else {
            require(!entry.writable(), "a foreign page that hardware lets be written");
            foreign.push_back(entry.frame().value);
        }
    }
    void visit(const Space& space) {
        if (&space != &enclave->first_space) take(frame_of(&space).value);
        if (space.tables.root_is_foreign()) {
            foreign.push_back(space.tables.root().value);
            return;
        }
        take(space.tables.root().value);
        // The tables of the common range are one space's to show here.
        const Entry common = direct<Entry>(space.tables.root())[kCommon];
        const Space& first = *enclave->spaces.first();
        const bool elsewhere = &space != &first;
        require(!elsewhere || common.empty() || common == direct<Entry>(first.tables.root())[kCommon],
                "spaces that differ in the common range");
        visit(space.tables.root(), 4, elsewhere);
    }
    void visit(PhysAddr table, int level, bool but_common = false) {
        for (int i = 0; i < (level == 4 ? 256 : 512); i++) {
            const Entry entry = direct<Entry>(table)[i];
            if (entry.empty() || (but_common && i == kCommon)) continue;
            if (level == 1 || !entry.present()) {
                check_page(entry);
            } else if (is_own(entry)) {
                take(entry.frame().value);
                visit(entry.frame(), level - 1);
            } else {
                foreign.push_back(entry.frame().value);
            }
        }
    }
};

}  // namespace

void FakeMachine::check_invariants() {
    std::map<std::uint64_t, Enclave*> owner;               // of frames
    std::map<std::uint64_t, const MemoryObject*> objects;  // by frame
    std::vector<Inventory> inventories;
    for (const std::uint64_t handle : live_handles()) {
        Enclave* enclave = kernel_->enclaves.find(handle);
        // Half-way: nobody's tables are in a state to look at.
        if (enclave->state == abi::EnclaveState::kFreezing || enclave->state == abi::EnclaveState::kStopped)
            continue;
        Inventory inventory{enclave};
        for (Space* s = enclave->spaces.first(); s != nullptr; s = SpaceList::next(s)) inventory.visit(*s);
        for (Space* s = enclave->gone_spaces.first(); s != nullptr; s = SpaceList::next(s)) {
            require(s->threads == 0 && enclave->background.linked, "a space that is not freed");
            inventory.visit(*s);
        }
        std::map<Space*, std::uint64_t> threads;
        for (Thread* t = enclave->threads.first(); t != nullptr; t = ThreadList::next(t)) {
            threads[t->space]++;
            inventory.take(frame_of(t).value);
            if (t->block_frame) inventory.take(t->block_frame->value);
        }
        for (MemoryObject* o = enclave->objects.first(); o != nullptr; o = ObjectList::next(o)) {
            inventory.take(frame_of(o).value);
            for (const PhysAddr list : o->lists) {
                if (list.value != 0) inventory.take(list.value);
            }
            for (std::uint64_t i = 0; i < o->page_count; i++) {
                inventory.take(o->frame(i).value);
                objects[o->frame(i).value] = o;
            }
        }
        for (Space* s = enclave->spaces.first(); s != nullptr; s = SpaceList::next(s))
            require(threads[s] == s->threads, "a space that miscounts its threads");
        require(inventory.own.size() == enclave->used, "the enclave's account is wrong");
        require(inventory.joint == enclave->joint_entries, "joint entries are miscounted");
        require(enclave->used <= enclave->limit + 1, "an enclave beyond its limit");
        for (const auto& [frame, uses] : inventory.own) {
            require(kernel_->frames.references(PhysAddr{frame}) == uses.references,
                    "a frame with another number of references than uses");
            require(uses.plain + (uses.counted != 0) <= 1, "several spaces may write a page");
            const auto [at, fresh] = owner.emplace(frame, enclave);
            require(fresh || at->second == enclave, "two enclaves own a frame");
        }
        inventories.push_back(std::move(inventory));
    }
    for (const Inventory& inventory : inventories) {
        for (const std::uint64_t frame : inventory.shown) {
            const auto at = objects.find(frame);
            if (at == objects.end()) continue;  // of an enclave that is being taken apart
            bool mapped = false;
            for (const Mapping& m : at->second->mappings) mapped |= m.enclave == inventory.enclave;
            require(mapped, "a page of an object that is not mapped");
        }
        for (const std::uint64_t frame : inventory.foreign) {
            const auto at = owner.find(frame);
            require(at != owner.end(), "a foreign frame that nobody owns");
            require(at->second != inventory.enclave && descends_from(inventory.enclave, at->second),
                    "a frame of an enclave that is no ancestor");
        }
    }
}

}  // namespace testing
}  // namespace enclavisor::kernel

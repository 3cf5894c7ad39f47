// An address space of an enclave. Most have one. What lies in the common range
// (abi/platform/layout.hpp) is the same in all spaces of an enclave: one entry of their
// roots names the same tables, so there is nothing to keep equal.
//
// Frames of the enclave that several spaces show have a reference for each entry
// (Entry, `counted` and `joint`).
#pragma once

#include <cstdint>
#include <optional>

#include "base/list.hpp"
#include "kernel/memory/frames.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/memory/page_tables.hpp"

namespace enclavisor::kernel {

struct Enclave;
struct Kernel;
class Thread;

// Where an enclave's pages and tables come from: the VM's frames, charged to
// the enclave's limit, each once however many references it has.
class EnclaveMemory {
public:
    EnclaveMemory(FrameAllocator& frames, Enclave& enclave) : frames_{&frames}, enclave_{&enclave} {}
    static Entry* table(PhysAddr frame) { return direct<Entry>(frame); }
    static void copy(PhysAddr to, PhysAddr from);
    std::optional<PhysAddr> allocate();        // zeroed
    std::optional<PhysAddr> allocate_dirty();  // contents undefined: to be overwritten whole
    std::uint32_t& marks(PhysAddr frame);      // of a table: FrameAllocator::marks
    // One more reference; false: too many.
    [[nodiscard]] bool retain(PhysAddr frame) { return frames_->retain(frame); }
    std::uint32_t references(PhysAddr frame) const;
    void release(PhysAddr frame);
    void count_joint(int change);  // entries that are joint

private:
    FrameAllocator* frames_;
    Enclave* enclave_;
};

struct Space {
    Enclave* enclave;
    std::uint64_t number;
    PageTables<EnclaveMemory> tables;
    std::uint64_t threads = 0;  // that are in it
    base::ListLink<Space> siblings = {};
};
static_assert(sizeof(Space) <= abi::kPageSize);
using SpaceList = base::List<Space, &Space::siblings>;

// nullptr: it has none with that number.
Space* find_space(Enclave& enclave, std::uint64_t number);

// What words at `address` belong to (WordKey).
inline const void* word_scope(const Space& space, std::uint64_t address) {
    return is_common(VirtAddr{address}) ? static_cast<const void*>(space.enclave) : &space;
}

// A new one with the common range of `from`. nullptr: no memory.
Space* fork_space(Space& from);

// The current thread goes on in `space`, and leaves the one it was in.
void enter_space(Kernel& kernel, Thread* thread, Space& space);

// One thread less is in it: after the last it goes away.
void leave_space(Kernel& kernel, Space& space);

// Takes away a space without threads; its memory comes back in the background.
void drop_space(Kernel& kernel, Space& space);

// A step of that, of about `budget` pages. True when no space is left to be freed.
bool free_spaces(Enclave& enclave, std::uint64_t budget);

// Call::kShare, at most `budget` pages. kViolation: the next page of `from` is not the
// enclave's own to write.
struct Shared {
    FaultOutcome outcome;
    PageCount done;
};
Shared share(Space& space, VirtAddr from, PageRange to, Permissions permissions, std::uint64_t budget);

}  // namespace enclavisor::kernel

// Four-level page tables of one enclave; the tables are the only record of
// what is mapped. A template over where tables live, so that tests on the host
// run the same code.
//
// Memory provides:
//   Entry* table(PhysAddr)                the 512 entries of a table
//   std::optional<PhysAddr> allocate()    a zeroed frame, charged to the enclave
//   void release(PhysAddr)                gives up one reference
//
// Not thread-safe: the caller holds the kernel lock. The caller flushes the
// translation caches after update() and move().
#pragma once

#include <cstdint>

#include "kernel/memory/entry.hpp"

namespace enclavisor::kernel {

enum class Access : std::uint8_t { kRead, kWrite, kExecute };

enum class FaultOutcome : std::uint8_t {
    kResolved,   // the access can be repeated
    kViolation,  // the enclave has no such right
    kNoMemory,
};

template <typename Memory>
class PageTables {
public:
    PageTables(Memory memory, PhysAddr root) : memory_{memory}, root_{root} {}

    PhysAddr root() const { return root_; }
    Memory& memory() { return memory_; }

    // The entry of a page; empty where no table exists. A page inside a large
    // reservation reads as reserved.
    Entry lookup(VirtAddr address) {
        Entry* table = memory_.table(root_);
        for (int level = kLevels;; level--) {
            const Entry entry = table[index(address.value, level)];
            if (level == 1 || !entry.present()) return entry;
            table = memory_.table(entry.frame());
        }
    }

    // Puts `entry` at an empty page. False: no memory for tables, or not empty.
    bool insert(VirtAddr address, Entry entry) {
        out_of_memory_ = false;
        Entry* slot = leaf(address.value);
        if (slot == nullptr || !slot->empty()) return false;
        *slot = entry;
        return true;
    }

    // The last-level table of `address`, which must have one.
    Entry* last_table(VirtAddr address) {
        Entry* table = memory_.table(root_);
        for (int level = kLevels; level > 1; level--)
            table = memory_.table(table[index(address.value, level)].frame());
        return table;
    }

    // What a first touch does: a reserved page becomes a zeroed frame.
    FaultOutcome resolve(VirtAddr address, Access access) {
        const Entry before = lookup(address);
        if (!before.present() && !before.is_reserved()) return FaultOutcome::kViolation;
        if (!allows(before, access)) return FaultOutcome::kViolation;
        if (before.present()) return FaultOutcome::kResolved;  // a stale translation
        Entry* slot = leaf(address.value);
        if (slot == nullptr) return FaultOutcome::kNoMemory;
        const auto frame = memory_.allocate();
        if (!frame) return FaultOutcome::kNoMemory;
        *slot = Entry::private_data(*frame, before.permissions());
        return FaultOutcome::kResolved;
    }

    // The operations on a range return how many pages from its beginning are
    // done; fewer than asked when `budget` steps are used up, or (0 at least)
    // when memory for tables ran out, which out_of_memory() tells.
    PageCount reserve(PageRange range, Permissions p, std::uint64_t budget) {
        return update(range, budget, {Operation::kReserve, p});
    }
    PageCount unmap(PageRange range, std::uint64_t budget) {
        return update(range, budget, {Operation::kUnmap, Permissions::none()});
    }
    PageCount protect(PageRange range, Permissions p, std::uint64_t budget) {
        return update(range, budget, {Operation::kProtect, p});
    }
    PageCount discard(PageRange range, std::uint64_t budget) {
        return update(range, budget, {Operation::kDiscard, Permissions::none()});
    }

    // Moves pages one by one, replacing what is at `to`.
    PageCount move(VirtAddr from, VirtAddr to, PageCount count, std::uint64_t budget) {
        out_of_memory_ = false;
        std::uint64_t done = 0;
        for (; done < count.value && done < budget; done++) {
            const Entry entry = lookup(from.plus_pages(done));
            Entry* target = leaf(to.plus_pages(done).value);
            if (target == nullptr) return PageCount{done};
            Entry* source = entry.empty() ? nullptr : leaf(from.plus_pages(done).value);
            if (!entry.empty() && source == nullptr) return PageCount{done};
            drop(*target);
            *target = entry;
            if (source != nullptr) *source = Entry{};
        }
        return PageCount{done};
    }

    bool out_of_memory() const { return out_of_memory_; }

    // Frees everything below the root in the enclave's half, at most about
    // `budget` pages. True when nothing is left; the root remains the caller's.
    bool tear_down(std::uint64_t budget) {
        budget_ = budget;
        Step step{Operation::kUnmap, Permissions::none()};
        walk(memory_.table(root_), kLevels, 0, 0, 1ull << 47, step);
        return budget_ != 0;
    }

private:
    static constexpr int kLevels = 4;
    enum class Operation : std::uint8_t { kReserve, kUnmap, kProtect, kDiscard };
    struct Step {
        Operation operation;
        Permissions permissions;
    };

    static constexpr int shift(int level) { return 12 + 9 * (level - 1); }
    static constexpr std::uint64_t index(std::uint64_t address, int level) {
        return address >> shift(level) & 511;
    }

    static bool allows(Entry entry, Access access) {
        const Permissions p = entry.permissions();
        if (access == Access::kWrite) return p.writable();
        if (access == Access::kExecute) return p.executable();
        return p.any();
    }

    void drop(Entry entry) {
        if (entry.holds_frame()) memory_.release(entry.frame());
    }

    // The table below `slot`, made if there is none; a large reservation is
    // split into 512 smaller ones.
    Entry* descend(Entry* slot) {
        if (slot->present()) return memory_.table(slot->frame());
        const auto frame = memory_.allocate();
        if (!frame) {
            out_of_memory_ = true;
            return nullptr;
        }
        Entry* table = memory_.table(*frame);
        if (!slot->empty()) {
            for (int i = 0; i < 512; i++) table[i] = *slot;
        }
        *slot = Entry::table(*frame);
        return table;
    }

    Entry* leaf(std::uint64_t address) {
        Entry* table = memory_.table(root_);
        for (int level = kLevels; level > 1; level--) {
            table = descend(&table[index(address, level)]);
            if (table == nullptr) return nullptr;
        }
        return &table[index(address, 1)];
    }

    PageCount update(PageRange range, std::uint64_t budget, Step step) {
        budget_ = budget;
        out_of_memory_ = false;
        const std::uint64_t reached =
            walk(memory_.table(root_), kLevels, 0, range.begin.value, range.end().value, step);
        return PageCount{(reached - range.begin.value) / abi::kPageSize};
    }

    // Applies `step` to [begin, end) below `table`, whose first entry stands for
    // `base`. Returns the address up to which all is done.
    std::uint64_t walk(Entry* table, int level, std::uint64_t base, std::uint64_t begin, std::uint64_t end,
                       const Step& step) {
        const std::uint64_t span = 1ull << shift(level);
        std::uint64_t at = begin;
        while (at < end) {
            if (budget_ == 0) return at;
            Entry* slot = &table[index(at, level)];
            const std::uint64_t slot_begin = base + index(at, level) * span;
            const std::uint64_t slot_end = slot_begin + span;
            const std::uint64_t stop = end < slot_end ? end : slot_end;
            const bool whole = at == slot_begin && stop == slot_end;

            if (level == 1 || (!slot->present() && skips_descent(*slot, level, whole, step))) {
                // What is not there costs nothing: the tables above are few.
                if (!slot->empty() || step.operation == Operation::kReserve) budget_--;
                *slot = apply(*slot, step);
                at = stop;
                continue;
            }
            Entry* below = descend(slot);
            if (below == nullptr) return at;
            const std::uint64_t reached = walk(below, level - 1, slot_begin, at, stop, step);
            if (reached != stop) return reached;
            if (whole && step.operation == Operation::kUnmap) {
                memory_.release(slot->frame());
                *slot = Entry{};
            }
            at = stop;
        }
        return end;
    }

    // Whether a large entry without a table can be treated as one.
    static bool skips_descent(Entry entry, int level, bool whole, const Step& step) {
        if (entry.empty() && step.operation != Operation::kReserve) return true;
        return whole && level <= 3;
    }

    Entry apply(Entry old, const Step& step) {
        switch (step.operation) {
            case Operation::kReserve:
                drop(old);
                return Entry::reserved(step.permissions);
            case Operation::kUnmap:
                drop(old);
                return Entry{};
            case Operation::kProtect:
                if (old.is_reserved()) return Entry::reserved(step.permissions);
                if (!old.holds_frame()) return old;  // empty, or the link's
                return step.permissions.any() ? Entry::private_data(old.frame(), step.permissions)
                                              : Entry::hidden(old.frame());
            case Operation::kDiscard:
                if (old.is_private()) {
                    drop(old);
                    return Entry::reserved(old.permissions());
                }
                if (old.is_hidden()) {
                    drop(old);
                    return Entry::reserved(Permissions::none());
                }
                return old;
        }
        return old;
    }

    Memory memory_;
    PhysAddr root_;
    std::uint64_t budget_ = 0;
    bool out_of_memory_ = false;
};

}  // namespace enclavisor::kernel

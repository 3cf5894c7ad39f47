// Four-level page tables of one enclave; the tables are the only record of
// what is mapped. A template over where tables live, so that tests on the host
// run the same code.
//
// Memory provides:
//   Entry* table(PhysAddr)                    the 512 entries of a table
//   std::optional<PhysAddr> allocate()        a zeroed frame, charged to the enclave
//   std::optional<PhysAddr> allocate_dirty()  a frame to be overwritten whole
//   void copy(PhysAddr to, PhysAddr from)     copies a frame
//   bool retain(PhysAddr)                     one more reference; false: too many
//   void release(PhysAddr)                    gives up one reference
//   std::uint32_t references(PhysAddr)        how many there are
//   void count_joint(int)                     so many more joint entries
//   std::uint32_t& marks(PhysAddr)            32 bits of a table's own, 0 at first
//
// Sharing. freeze() marks everything as lent. An instance begins with borrow(): its root is the
// template's. Whatever changes a table goes through own_root() and descend(), which replace foreign
// tables by copies on the way down; so a table that is written is always the enclave's own.
//
// Marks. A table remembers, 16 entries to a bit, where the enclave has put something of its own: most of a
// table is empty or another's, and the end of an instance must not cost a look at all of it.
//
// Not thread-safe: the caller holds the kernel lock. The caller flushes the translation caches after
// whatever changes entries, and for resolve() when took_effect() says so; root() may be another then.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/memory/entry.hpp"

namespace enclavisor::kernel {

enum class Access : std::uint8_t { kRead, kWrite, kExecute };

enum class FaultOutcome : std::uint8_t {
    kResolved,   // the access can be repeated
    kViolation,  // the enclave has no such right
    kNoMemory,
};

template <typename Memory>
class TableCopy;

template <typename Memory>
class PageTables {
public:
    PageTables(Memory memory, PhysAddr root) : memory_{memory}, root_{root} {}
    // The tables of an instance: those of `origin`, which is frozen and outlives them.
    static PageTables borrow(Memory memory, const PageTables& origin) {
        PageTables tables{memory, origin.root_};
        tables.root_is_foreign_ = true;
        return tables;
    }

    PhysAddr root() const { return root_; }
    bool root_is_foreign() const { return root_is_foreign_; }
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
        Entry* slot = leaf(address.value);
        if (slot == nullptr || !slot->empty()) return false;
        *slot = entry;
        return true;
    }
    // Puts `entry` in place of whatever is there. False: no memory for tables.
    bool replace(VirtAddr address, Entry entry) {
        return replace(address, PageCount{1}, [entry](std::uint64_t) { return entry; });
    }
    // The same for many: entry_of(i) is the i-th.
    template <typename EntryOf>
    bool replace(VirtAddr begin, PageCount pages, EntryOf entry_of) {
        Entry* slot = nullptr;
        for (std::uint64_t i = 0; i < pages.value; i++, slot++) {
            const std::uint64_t at = begin.plus_pages(i).value;
            if (i == 0 || index(at, 1) % kEntriesPerMark == 0) slot = leaf(at);
            if (slot == nullptr) return false;
            drop(*slot);
            *slot = entry_of(i);
        }
        return true;
    }

    // The last-level table of `address`, which must have one of its own.
    Entry* last_table(VirtAddr address) {
        Entry* table = memory_.table(root_);
        for (int level = kLevels; level > 1; level--)
            table = memory_.table(table[index(address.value, level)].frame());
        return table;
    }

    // What a first touch does: a reserved page becomes a zeroed frame, a foreign
    // page that is written becomes a copy.
    FaultOutcome resolve(VirtAddr address, Access access) {
        took_effect_ = false;
        const Entry before = lookup(address);
        if (!before.present() && !before.is_reserved()) return FaultOutcome::kViolation;
        if (!allows(before, access)) return FaultOutcome::kViolation;
        const bool copy = before.present() && access == Access::kWrite && before.copies_on_write();
        if (before.present() && !copy) return FaultOutcome::kResolved;  // a stale translation
        Entry* slot = leaf(address.value);
        if (slot == nullptr) return FaultOutcome::kNoMemory;
        if (copy && is_own(before) && memory_.references(before.frame()) == 1) {
            // The last entry that shows it. Translations that allow less do no harm.
            *slot = Entry::private_data(before.frame(), before.permissions());
            took_effect_ = split_;
            return FaultOutcome::kResolved;
        }
        const auto frame = copy ? memory_.allocate_dirty() : memory_.allocate();
        if (!frame) return FaultOutcome::kNoMemory;
        if (copy) memory_.copy(*frame, before.frame());
        drop(before);
        *slot = Entry::private_data(*frame, before.permissions());
        took_effect_ = copy || split_;
        return FaultOutcome::kResolved;
    }
    // The last resolve() replaced a page or tables that could be used before:
    // translations of the page must go.
    bool took_effect() const { return took_effect_; }
    // Whether foreign tables were replaced since the last time: processors that cache
    // upper levels must forget all of them.
    bool has_split() const { return split_; }
    bool take_split() {
        const bool split = split_;
        split_ = false;
        return split;
    }

    // The root's entry for the common range, as another space of the enclave is to show it;
    // the table that it names is the enclave's own from then on. Absent: no memory.
    std::optional<Entry> own_common() {
        out_of_memory_ = false;
        if (!own_root() || !descend(root_, kCommonIndex)) return std::nullopt;
        return memory_.table(root_)[kCommonIndex];
    }
    void show_common(Entry common) {
        memory_.table(root_)[kCommonIndex] = common;
        mark(root_, kCommonIndex);
    }
    // Another space shows it still.
    void forget_common() { memory_.table(root_)[kCommonIndex] = Entry{}; }

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

    // Moves pages one by one, replacing what is at `to`. Pages of memory objects
    // stay where they are.
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
            *target = entry.is_object() ? Entry{} : entry;
            if (source != nullptr && !entry.is_object()) *source = Entry{};
        }
        return PageCount{done};
    }

    bool out_of_memory() const { return out_of_memory_; }

    // Marks at most about `budget` entries as lent. True when all are; from then on
    // the tables never change again. Nothing else may change them in between.
    bool freeze(std::uint64_t budget) {
        if (frozen_) return true;
        budget_ = budget;
        if (!root_is_foreign_ && !freeze_below(memory_.table(root_), kLevels, 0)) return false;
        frozen_ = true;
        return true;
    }

    // freeze() has begun and not ended.
    bool is_freezing() const { return freeze_from_ != 0 && !frozen_; }

    // Frees everything below the root in the enclave's half, at most about
    // `budget` pages. True when nothing is left; the root remains the caller's,
    // unless it is foreign.
    bool tear_down(std::uint64_t budget) {
        if (root_is_foreign_) return true;
        budget_ = budget;
        return tear_down_below(root_, kLevels);
    }

private:
    friend class TableCopy<Memory>;
    static constexpr int kLevels = 4;
    static constexpr std::uint64_t kEntries = 512;
    static constexpr std::uint64_t kUserHalf = 256;  // of the root
    // Of the root: the range that all spaces of an enclave have in common.
    static constexpr std::uint64_t kCommonIndex = abi::kCommonBegin >> 39;
    static_assert(kCommonIndex << 39 == abi::kCommonBegin && (kCommonIndex + 1) << 39 == abi::kCommonEnd);
    static constexpr std::uint64_t kEntriesPerMark = kEntries / 32;
    enum class Operation : std::uint8_t { kReserve, kUnmap, kProtect, kDiscard };
    struct Step {
        Operation operation;
        Permissions permissions;
    };

    static constexpr int shift(int level) { return 12 + 9 * (level - 1); }
    static constexpr std::uint64_t index(std::uint64_t address, int level) {
        return address >> shift(level) & (kEntries - 1);
    }
    static constexpr std::uint64_t entries_at(int level) { return level == kLevels ? kUserHalf : kEntries; }

    static bool allows(Entry entry, Access access) {
        const Permissions p = entry.permissions();
        if (access == Access::kWrite) return p.writable();
        if (access == Access::kExecute) return p.executable();
        return p.any();
    }

    // Whether the enclave owns the frame or table that a nonempty entry names.
    bool is_own(Entry entry) const { return frozen_ ? entry.is_lent() : !entry.is_foreign(); }

    void drop(Entry entry) {
        if (!entry.holds_frame() || !is_own(entry)) return;
        if (entry.is_joint()) memory_.count_joint(-1);
        memory_.release(entry.frame());
    }

    // The root table becomes the enclave's own, if it is the template's. False: no memory.
    bool own_root() {
        if (!root_is_foreign_) return true;
        const auto frame = memory_.allocate_dirty();
        if (!frame) {
            out_of_memory_ = true;
            return false;
        }
        memory_.copy(*frame, root_);
        split_ = true;
        root_ = *frame;
        root_is_foreign_ = false;
        return true;
    }

    void mark(PhysAddr table, std::uint64_t index) { memory_.marks(table) |= 1u << index / kEntriesPerMark; }

    // The enclave's own table below entry `index` of its table `parent`: made if there
    // is none, copied if it is another's; a large reservation is split into 512 smaller
    // ones. Absent: no memory.
    [[gnu::always_inline]] std::optional<PhysAddr> descend(PhysAddr parent, std::uint64_t index) {
        const Entry entry = memory_.table(parent)[index];
        if (entry.present() && !entry.is_foreign()) [[likely]]
            return entry.frame();
        return make_table(parent, index);
    }
    [[gnu::noinline]] std::optional<PhysAddr> make_table(PhysAddr parent, std::uint64_t index) {
        Entry* slot = &memory_.table(parent)[index];
        const auto frame = slot->empty() ? memory_.allocate() : memory_.allocate_dirty();
        if (!frame) {
            out_of_memory_ = true;
            return std::nullopt;
        }
        const bool mixed = slot->present();
        if (mixed) {
            memory_.copy(*frame, slot->frame());
            split_ = true;
        } else if (!slot->empty()) {
            Entry* table = memory_.table(*frame);
            for (std::uint64_t i = 0; i < kEntries; i++) table[i] = *slot;
        }
        *slot = Entry::table(*frame, mixed);
        mark(parent, index);
        return frame;
    }

    // The entry of a page, in the enclave's own tables, for something of its own to
    // stand there. nullptr: no memory.
    Entry* leaf(std::uint64_t address) {
        out_of_memory_ = false;
        if (!own_root()) return nullptr;
        PhysAddr table = root_;
        for (int level = kLevels; level > 1; level--) {
            const auto below = descend(table, index(address, level));
            if (!below) return nullptr;
            table = *below;
        }
        mark(table, index(address, 1));
        return &memory_.table(table)[index(address, 1)];
    }

    PageCount update(PageRange range, std::uint64_t budget, Step step) {
        budget_ = budget;
        out_of_memory_ = false;
        if (!own_root()) return PageCount{0};
        const std::uint64_t reached = walk(root_, kLevels, 0, range.begin.value, range.end().value, step);
        return PageCount{(reached - range.begin.value) / abi::kPageSize};
    }

    // Applies `step` to [begin, end) below the table at `frame`, whose first entry stands
    // for `base`. Returns the address up to which all is done.
    std::uint64_t walk(PhysAddr frame, int level, std::uint64_t base, std::uint64_t begin, std::uint64_t end,
                       const Step& step) {
        Entry* table = memory_.table(frame);
        const std::uint64_t span = 1ull << shift(level);
        std::uint64_t at = begin;
        while (at < end) {
            if (budget_ == 0) return at;
            Entry* slot = &table[index(at, level)];
            const std::uint64_t slot_begin = base + index(at, level) * span;
            const std::uint64_t slot_end = slot_begin + span;
            const std::uint64_t stop = end < slot_end ? end : slot_end;
            const bool whole = at == slot_begin && stop == slot_end;

            if (level == 2 && whole && slot->present() && !slot->is_foreign() && replaces(step)) {
                // All that the table holds goes: so does the table.
                if (budget_ <= kEntries) return at;
                tear_down_below(slot->frame(), 1);
                memory_.release(slot->frame());
                *slot = Entry{};
            }
            if (skips_descent(*slot, level, whole, step)) {
                // What is not there costs nothing: the tables above are few.
                if (!slot->empty() || step.operation == Operation::kReserve) budget_--;
                *slot = apply(*slot, step);
                at = stop;
                continue;
            }
            const auto below = descend(frame, index(at, level));
            if (!below) return at;
            const std::uint64_t reached = level == 2 ? walk_pages(*below, slot->is_mixed(), at, stop, step)
                                                     : walk(*below, level - 1, slot_begin, at, stop, step);
            if (reached != stop) return reached;
            const bool common = level == kLevels && index(at, level) == kCommonIndex;
            if (whole && step.operation == Operation::kUnmap && !common) {
                memory_.release(slot->frame());
                *slot = Entry{};
            }
            at = stop;
        }
        return end;
    }

    // The same for pages of one last table. What shows nothing is done by eights.
    std::uint64_t walk_pages(PhysAddr frame, bool mixed, std::uint64_t begin, std::uint64_t end,
                             const Step& step) {
        constexpr std::uint64_t kEight = 8 * abi::kPageSize, kMarked = kEntriesPerMark * abi::kPageSize;
        Entry* table = memory_.table(frame);
        const std::uint32_t marks = memory_.marks(frame);
        for (std::uint64_t at = begin; at < end;) {
            if (budget_ == 0) return at;
            if (step.operation == Operation::kDiscard && !mixed) {
                // On to where there may be something to discard.
                const std::uint32_t rest = marks >> index(at, 1) / kEntriesPerMark;
                if (rest == 0) return end;
                if ((rest & 1) == 0) {
                    at = (at & ~(kMarked - 1)) + static_cast<std::uint64_t>(__builtin_ctz(rest)) * kMarked;
                    continue;
                }
            }
            std::uint64_t stop = (at & ~(kEight - 1)) + kEight;
            if (stop > end) stop = end;
            budget_--;
            if (!Entry::any_shows(&table[index(at, 1) & ~7ull])) {
                fill(&table[index(at, 1)], (stop - at) / abi::kPageSize, step);
                at = stop;
                continue;
            }
            for (; at < stop && budget_ != 0; at += abi::kPageSize) {
                Entry* slot = &table[index(at, 1)];
                // What is not there costs nothing: the tables above are few.
                if (!slot->empty()) budget_--;
                *slot = apply(*slot, step);
            }
        }
        return end;
    }

    // Of entries that are empty or reserved.
    static void fill(Entry* entries, std::uint64_t count, const Step& step) {
        if (step.operation == Operation::kDiscard) return;
        const bool only_reserved = step.operation == Operation::kProtect;
        const Entry entry = step.operation == Operation::kUnmap ? Entry{} : Entry::reserved(step.permissions);
        for (std::uint64_t i = 0; i < count; i++) {
            if (!only_reserved || !entries[i].empty()) entries[i] = entry;
        }
    }

    static bool replaces(const Step& step) {
        return step.operation == Operation::kUnmap || step.operation == Operation::kReserve;
    }

    // Whether an entry above the last level can be treated as one: it has no table,
    // or another's that is no longer needed.
    static bool skips_descent(Entry entry, int level, bool whole, const Step& step) {
        if (entry.present()) return entry.is_foreign() && whole && level <= 3 && replaces(step);
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
                // Empty, or the link's, or an object's: not for the enclave to change.
                if (!old.holds_frame() || old.is_object()) return old;
                return old.with(step.permissions);
            case Operation::kDiscard:
                if (!old.holds_frame() || old.is_object() || old.is_joint()) return old;
                drop(old);
                return Entry::reserved(old.is_private() ? old.permissions() : Permissions::none());
        }
        return old;
    }

    bool tear_down_below(PhysAddr frame, int level) {
        Entry* table = memory_.table(frame);
        std::uint32_t& marks = memory_.marks(frame);
        while (marks != 0) {
            const auto first = static_cast<std::uint64_t>(__builtin_ctz(marks)) * kEntriesPerMark;
            for (std::uint64_t i = first; i < first + kEntriesPerMark; i++) {
                Entry& entry = table[i];
                if (entry.empty() || !is_own(entry)) continue;
                if (budget_ == 0) return false;
                if (level > 1 && entry.present()) {
                    if (!tear_down_below(entry.frame(), level - 1)) return false;
                    memory_.release(entry.frame());
                } else {
                    drop(entry);
                }
                budget_--;
                entry = Entry{};
            }
            marks &= marks - 1;
        }
        return true;
    }

    // Goes on at freeze_from_; marks a table when all below it is marked.
    bool freeze_below(Entry* table, int level, std::uint64_t base) {
        const std::uint64_t span = 1ull << shift(level);
        std::uint64_t i = freeze_from_ <= base ? 0 : (freeze_from_ - base) >> shift(level);
        for (; i < entries_at(level); i++) {
            Entry& entry = table[i];
            const std::uint64_t begin = base + i * span;
            if (!entry.empty()) {
                if (budget_ == 0) return false;
                budget_--;
                const bool is_table = level > 1 && entry.present();
                if (is_table && !entry.is_foreign() &&
                    !freeze_below(memory_.table(entry.frame()), level - 1, begin))
                    return false;
                if (entry.is_lent()) {
                    entry = entry.borrowed();
                } else if (!entry.is_borrowed() && (is_table || entry.holds_frame())) {
                    entry = entry.lent();
                }
            }
            freeze_from_ = begin + span;
        }
        return true;
    }

    Memory memory_;
    PhysAddr root_;
    std::uint64_t budget_ = 0;
    std::uint64_t freeze_from_ = 0;  // everything below is marked
    bool root_is_foreign_ = false;
    bool frozen_ = false;
    bool out_of_memory_ = false;
    bool took_effect_ = false;
    bool split_ = false;
};

}  // namespace enclavisor::kernel

// Copies an enclave's space into another of its own, on write: what Call::kCopySpace
// does. Both spaces' entries name the same frames from then on, with a reference each,
// and neither writes them (Entry::counted) until it has a copy or is the last.
//
// A last-level table is copied whole, in one step; own pages are looked for where its
// marks say that there may be some. Another's tables are shown by the copy as they are.
#pragma once

#include <cstdint>

#include "kernel/memory/page_tables.hpp"

namespace enclavisor::kernel {

template <typename Memory>
class TableCopy {
public:
    // Both roots are the enclave's own. Nobody uses `to` yet; the caller flushes `from`.
    TableCopy(PageTables<Memory>& from, PageTables<Memory>& to, std::uint64_t budget)
        : from_{from}, to_{to}, memory_{from.memory()}, budget_{budget} {}

    // Copies what lies at or above `cursor`, outside of the common range. Returns where to
    // go on, kEnd when all is done. What `to` has already stays.
    std::uint64_t run(std::uint64_t cursor) {
        return cursor >= kEnd ? kEnd : below(from_.root(), to_.root(), Tables::kLevels, 0, cursor);
    }
    bool out_of_memory() const { return out_of_memory_; }

    static constexpr std::uint64_t kEnd = abi::kEnclaveEnd;

private:
    using Tables = PageTables<Memory>;
    // A last table costs as much as so many entries above.
    static constexpr std::uint64_t kLastTableCost = 128;

    // The part of run() below a table of either, whose first entries stand for `base`.
    std::uint64_t below(PhysAddr from, PhysAddr to, int level, std::uint64_t base, std::uint64_t cursor) {
        const std::uint64_t span = 1ull << Tables::shift(level);
        std::uint64_t i = cursor <= base ? 0 : Tables::index(cursor, level);
        const Entry* entries = memory_.table(from);
        for (; i < Tables::entries_at(level); i++) {
            if (i % 8 == 0 && Entry::all_empty(&entries[i])) {
                i += 7;
                continue;
            }
            const std::uint64_t begin = base + i * span;
            const Entry entry = entries[i];
            if (entry.empty() || (level == Tables::kLevels && i == Tables::kCommonIndex)) continue;
            if (budget_ == 0) return begin;
            budget_--;
            Entry& copy = memory_.table(to)[i];
            const bool own = entry.present() && !entry.is_foreign();
            if (!own) {
                if (copy.empty()) copy = entry;
                continue;
            }
            if (level == 2) {
                if (copy.empty() && !copy_last(entry, to, i)) return begin;
                continue;
            }
            if (copy.empty() && !make_table(to, i, memory_.allocate(), entry.is_mixed())) return begin;
            if (!copy.present() || copy.is_foreign()) continue;
            const std::uint64_t reached = below(entry.frame(), copy.frame(), level - 1, begin, cursor);
            if (reached != begin + span) return reached;
        }
        return level == Tables::kLevels ? kEnd : base + i * span;
    }

    bool make_table(PhysAddr parent, std::uint64_t index, std::optional<PhysAddr> frame, bool mixed) {
        out_of_memory_ = !frame;
        if (!frame) return false;
        memory_.table(parent)[index] = Entry::table(*frame, mixed);
        to_.mark(parent, index);
        return true;
    }

    bool copy_last(Entry entry, PhysAddr parent, std::uint64_t index) {
        const auto frame = memory_.allocate_dirty();
        if (!make_table(parent, index, frame, entry.is_mixed())) return false;
        budget_ -= budget_ < kLastTableCost ? budget_ : kLastTableCost;
        memory_.copy(*frame, entry.frame());
        Entry* pages = memory_.table(entry.frame());
        Entry* copies = memory_.table(*frame);
        std::uint32_t marks = memory_.marks(entry.frame());
        memory_.marks(*frame) = marks;
        for (; marks != 0; marks &= marks - 1) {
            const auto first = static_cast<std::uint64_t>(__builtin_ctz(marks)) * Tables::kEntriesPerMark;
            for (std::uint64_t i = first; i < first + Tables::kEntriesPerMark; i++)
                copies[i] = copy_page(pages[i]);
        }
        return !out_of_memory_;
    }

    // The entry of a page's copy; the page's own changes along.
    [[gnu::always_inline]] Entry copy_page(Entry& page) {
        const Entry before = page;
        if (!before.is_plain()) return before.empty() ? before : copy_other(page);
        if (!retain(before)) return Entry{};
        return page = before.counted();
    }
    [[gnu::noinline]] Entry copy_other(Entry& page) {
        if (page.is_shared() || page.is_object()) return Entry{};
        if (!page.holds_frame() || page.is_foreign()) return page;
        if (!retain(page)) return Entry{};
        if (page.is_joint()) {
            memory_.count_joint(1);
        } else {
            page = page.counted();
        }
        return page;
    }

    bool retain(Entry page) {
        if (memory_.retain(page.frame())) return true;
        out_of_memory_ = true;
        return false;
    }

    PageTables<Memory>& from_;
    PageTables<Memory>& to_;
    Memory& memory_;
    std::uint64_t budget_;
    bool out_of_memory_ = false;
};

}  // namespace enclavisor::kernel

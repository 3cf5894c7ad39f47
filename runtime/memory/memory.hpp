// The program's address space: what the memory calls of Linux do, validated
// here because the kernel ends an enclave that asks for nonsense.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/memory/areas.hpp"
#include "runtime/memory/file_parts.hpp"

namespace enclavisor::runtime {

class Memory : public Counted {
public:
    // `limit`: bytes that the enclave may use; a single mapping beyond is refused.
    Memory(std::uint64_t limit, std::uint64_t brk_start)
        : limit_{limit}, brk_start_{brk_start}, brk_{brk_start} {}
    // What is known of a copy of the address space.
    Memory(const Memory& other)
        : Counted{},
          areas_{other.areas_},
          unread_{other.unread_},
          shared_{other.shared_},
          names_{other.names_},
          limit_{other.limit_},
          brk_start_{other.brk_start_},
          brk_{other.brk_},
          just_copied_{true} {}

    const Areas& areas() const { return areas_; }
    // Pages that are to be zero in an instance or a child (MADV_WIPEONFORK).
    void wipe();
    // Of a mapped file; empty: not known.
    std::string_view name(const Area& area) const { return names_[area.name]; }
    std::uint64_t limit() const { return limit_; }
    std::uint64_t brk_start() const { return brk_start_; }
    // Where the heap begins, of a program that was just mapped.
    void start_heap(std::uint64_t begin) { brk_start_ = brk_ = begin; }
    // Shared pages are shown anew when they are next touched: a template cannot have any.
    void hide_shared();
    bool shares_any() const { return !shared_.empty(); }
    // What names the same word in all processes that share it, if others may: the address of its page
    // in the runtime; else 0.
    std::uint64_t shared_address(std::uint64_t address);
    // In a child, before anything else: what the program did not want to be copied goes.
    void begin_copy();

    // Takes note of what the loader mapped.
    void note(const Area& area) { areas_.insert(area); }
    // Maps for the runtime's own ends (stack, vDSO) at a fixed place. False: no memory.
    bool place(const Area& area);

    // Results as Linux gives them: a value, an address, or -errno.
    std::int64_t brk(std::uint64_t end);
    std::int64_t map(std::uint64_t hint, std::uint64_t size, int protection, int flags, OpenFile* file,
                     std::uint64_t offset);
    std::int64_t unmap(std::uint64_t address, std::uint64_t size);
    std::int64_t protect(std::uint64_t address, std::uint64_t size, int protection);
    std::int64_t remap(std::uint64_t address, std::uint64_t old_size, std::uint64_t new_size, int flags,
                       std::uint64_t target);
    std::int64_t advise(std::uint64_t address, std::uint64_t size, int advice);
    // What was stored in a file's pages becomes the file's: 0 or -errno. The lock is released meanwhile.
    std::int64_t write_back(Range range) const;

    // A page of a file mapping was touched for the first time: reads it, if that is what it was.
    // `error`: of the processor's page fault. The lock may be released meanwhile.
    enum class Touched { kRead, kNothing, kFailed };
    Touched touch(std::uint64_t address, std::uint64_t error);
    // Reads what of the program's buffer is a file's and untouched, and shows what is shared, before
    // a call that would otherwise fail half-way, or when what it took cannot be taken again.
    void bring(std::uint64_t address, std::uint64_t size) {
        std::uint64_t end;
        if ((unread_.empty() && shared_.empty()) || __builtin_add_overflow(address, size, &end)) return;
        read_all({address, end});
        show_all({address, end});
    }
    void bring(const void* address, std::uint64_t size) {
        bring(reinterpret_cast<std::uint64_t>(address), size);
    }

private:
    std::int64_t choose(std::uint64_t hint, std::uint64_t size, int flags, Range& range);
    bool shows(Range range, OpenFile& file, std::uint64_t offset) const;
    std::uint32_t note_name(const std::string& name);
    Touched read_part(std::uint64_t address);
    Touched show_shared(std::uint64_t page, int needed);
    std::int64_t map_shared(Area area, Ref<OpenFile> file, std::uint64_t offset);
    bool read_all(Range range);
    void show_all(Range range);
    bool set_protection(Range range, int protection);
    std::int64_t move_shared(const Area& area, Range old, std::uint64_t new_size, int flags,
                             std::uint64_t target);
    std::int64_t grow(const Area& area, Range old, std::uint64_t new_size, int flags, std::uint64_t target);

    Areas areas_;
    FileParts unread_;                    // private file mappings: not read yet, mapped without access
    FileParts shared_;                    // mappings of shared pages, which are shown when they are touched
    std::vector<std::string> names_{""};  // never forgotten
    std::uint64_t limit_;
    std::uint64_t brk_start_, brk_;
    bool just_copied_ = false;
};

}  // namespace enclavisor::runtime

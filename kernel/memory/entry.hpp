// A page-table entry as a value (APM2 5.3). The only place where the C-bit is
// put on a physical address: what is made by a private_... constructor is
// encrypted memory, what is made by a shared_... constructor is open to the host.
//
// A user page can be in one of these states:
//   empty     nothing there
//   private   a frame of the enclave, counted in FrameAllocator
//   shared    a page of the link; not counted
//   reserved  zero page on first touch; also stands at levels 2 and 3 for a
//             whole 2 MiB or 1 GiB, so that a large mapping costs one entry
//   hidden    a frame of the enclave without access (PROT_NONE)
//
// Whose a frame or table is, its entry says too. The entries of a template are
// `lent`: its instances begin with its tables and copy a table page, entry for
// entry, when they change something below it. In the copy the same bit says that
// the frame is the template's. When an instance becomes a template itself, what was
// lent to it is `borrowed`: its own instances' no more than its own. A page that
// may be written but is another's is mapped read-only with `copy_on_write`.
//
// An enclave's own frame may be shown by several of its spaces. `counted`: since a space
// was copied; nobody writes the frame until one entry alone is left, which its references
// tell. `joint`: by Call::kShare; all may write.
#pragma once

#include <cstdint>

#include "kernel/memory/address.hpp"
#include "kernel/platform/platform.hpp"

namespace enclavisor::kernel {

class Entry {
public:
    constexpr Entry() = default;

    static Entry private_data(PhysAddr frame, Permissions p) {
        return Entry{frame.value | private_mask_ | access_bits(p) | kPresent | kUser | kAccessed | kDirty};
    }
    static Entry shared_data(PhysAddr frame, Permissions p) {
        return Entry{frame.value | access_bits(p) | kPresent | kUser | kAccessed | kDirty | kShared};
    }
    // `mixed`: the table began as a copy of another's and may still show what is not the
    // enclave's own.
    static Entry table(PhysAddr frame, bool mixed) {
        return Entry{frame.value | private_mask_ | kPresent | kUser | kWritable | kAccessed |
                     (mixed ? kMixed : 0)};
    }
    static constexpr Entry reserved(Permissions p) {
        return Entry{kReserved | (p.any() ? access_bits(p) | kUser : kNoExecute)};
    }
    static constexpr Entry hidden(PhysAddr frame) { return Entry{frame.value | kHidden}; }
    // A page of a memory object: private memory that belongs to the object.
    static Entry object_data(PhysAddr frame, Permissions p) {
        return Entry{private_data(frame, p).raw_ | kBorrowed | kObject};
    }

    // A page that is to show a frame of the common range too.
    static Entry joint_data(PhysAddr frame, Permissions p) {
        return Entry{(p.any() ? private_data(frame, p) : hidden(frame)).raw_ | kJoint};
    }
    // The enclave's own page in a space that was copied, and in the copy.
    Entry counted() const {
        const std::uint64_t rest = raw_ & ~kWritable;
        return Entry{rest | (rest == raw_ ? 0 : kCopyOnWrite) | kCounted};
    }

    // The entry of a template's page or table, as its instances find it.
    Entry lent() const { return Entry{(without_writing().raw_ & ~kCounted) | kLent}; }
    // What was lent to the enclave, after it became a template itself.
    Entry borrowed() const { return Entry{(raw_ & ~kLent) | kBorrowed}; }
    // The same page with other permissions.
    Entry with(Permissions p) const {
        const Entry plain = p.any() ? private_data(frame(), p) : hidden(frame());
        const bool may_write = !is_foreign() && !is_counted();
        return Entry{(may_write ? plain : plain.without_writing()).raw_ |
                     (raw_ & (kLent | kBorrowed | kCounted | kJoint))};
    }

    // Kernel mappings: present, supervisor, never in an enclave's half.
    static Entry private_kernel(PhysAddr frame, Permissions p, bool large = false) {
        return Entry{frame.value | private_mask_ | access_bits(p) | kPresent | kAccessed | kDirty |
                     (large ? kLarge : 0) | kKernelOpen};
    }
    static Entry shared_kernel(PhysAddr frame, bool large) {
        return Entry{frame.value | kPresent | kWritable | kNoExecute | kAccessed | kDirty |
                     (large ? kLarge : 0)};
    }
    static Entry device(PhysAddr frame) {
        return Entry{frame.value | kPresent | kWritable | kNoExecute | kAccessed | kDirty | kUncached};
    }
    static Entry kernel_table(PhysAddr frame) {
        return Entry{frame.value | private_mask_ | kPresent | kWritable | kAccessed | kKernelOpen};
    }

    bool empty() const { return raw_ == 0; }
    bool present() const { return raw_ & kPresent; }
    bool is_shared() const { return present() && (raw_ & kShared); }
    bool is_private() const { return present() && !(raw_ & kShared); }
    bool is_reserved() const { return !present() && (raw_ & kReserved); }
    bool is_hidden() const { return !present() && (raw_ & kHidden); }
    bool holds_frame() const { return is_private() || is_hidden(); }
    bool is_lent() const { return raw_ & kLent; }
    bool is_borrowed() const { return raw_ & kBorrowed; }
    // Another enclave's or an object's; in a template, lent is its own.
    bool is_foreign() const { return raw_ & (kLent | kBorrowed); }
    bool is_mixed() const { return raw_ & kMixed; }
    // A present page of the enclave's own that is not joint.
    bool is_plain() const { return (raw_ & (kPresent | kShared | kLent | kBorrowed | kJoint)) == kPresent; }
    // Whether any of eight entries shows a frame or a table, the link's pages included.
    static bool any_shows(const Entry* eight) { return any(eight) & (kPresent | kHidden); }
    static bool all_empty(const Entry* eight) { return any(eight) == 0; }
    bool is_object() const { return raw_ & kObject; }
    bool is_counted() const { return raw_ & kCounted; }
    bool is_joint() const { return raw_ & kJoint; }
    bool copies_on_write() const { return raw_ & kCopyOnWrite; }
    // Hardware lets writes pass.
    bool writable() const { return raw_ & kWritable; }
    bool executable() const { return !(raw_ & kNoExecute); }
    bool user() const { return raw_ & kUser; }
    PhysAddr frame() const { return PhysAddr{raw_ & kAddressMask & ~private_mask_}; }
    std::uint64_t raw() const { return raw_; }
    bool operator==(const Entry&) const = default;

    // The permissions of a present or reserved entry.
    Permissions permissions() const {
        if (!user()) return Permissions::none();
        if (writable() || copies_on_write()) return Permissions::read_write();
        return executable() ? Permissions::read_execute() : Permissions::read();
    }

    // The value for CR3 that makes `root` the current table.
    static std::uint64_t cr3(PhysAddr root) { return root.value | private_mask_; }

    // Set once at boot from the platform: the C-bit, or 0 where there is none.
    static void set_private_mask(std::uint64_t mask) { private_mask_ = mask; }

private:
    explicit constexpr Entry(std::uint64_t raw) : raw_{raw} {}

    static constexpr std::uint64_t kPresent = 1ull << 0;
    static constexpr std::uint64_t kWritable = 1ull << 1;
    static constexpr std::uint64_t kUser = 1ull << 2;
    static constexpr std::uint64_t kUncached = 1ull << 4;
    static constexpr std::uint64_t kAccessed = 1ull << 5;
    static constexpr std::uint64_t kDirty = 1ull << 6;
    static constexpr std::uint64_t kLarge = 1ull << 7;
    static constexpr std::uint64_t kShared = 1ull << 9;     // software
    static constexpr std::uint64_t kReserved = 1ull << 10;  // software, not present
    static constexpr std::uint64_t kHidden = 1ull << 11;    // software, not present
    // Software, in bits 52 to 58, which the processor ignores in every entry.
    static constexpr std::uint64_t kBorrowed = 1ull << 52;
    static constexpr std::uint64_t kLent = 1ull << 53;
    static constexpr std::uint64_t kCopyOnWrite = 1ull << 54;
    static constexpr std::uint64_t kObject = 1ull << 55;
    static constexpr std::uint64_t kMixed = 1ull << 56;
    static constexpr std::uint64_t kCounted = 1ull << 57;
    static constexpr std::uint64_t kJoint = 1ull << 58;
    static constexpr std::uint64_t kNoExecute = 1ull << 63;
    // Kernel pages are the supervisor's (UndefendedPlatform shows what else would be).
    static constexpr std::uint64_t kKernelOpen = CurrentPlatform::kDefended ? 0 : kUser;
    static constexpr std::uint64_t kAddressMask = 0x000f'ffff'ffff'f000;

    static constexpr std::uint64_t access_bits(Permissions p) {
        return (p.writable() ? kWritable : 0) | (p.executable() ? 0 : kNoExecute);
    }

    // A writable page becomes one that is copied when written. Tables and pages of
    // the link keep their bits.
    Entry without_writing() const {
        if (!is_private() || !user() || !writable() || is_table()) return *this;
        return Entry{(raw_ & ~kWritable) | kCopyOnWrite};
    }
    // Tables lack the dirty bit that all pages have from the beginning.
    bool is_table() const { return present() && !(raw_ & kDirty); }

    // Bits that any of eight entries has.
    static std::uint64_t any(const Entry* eight) {
        std::uint64_t bits = 0;
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) bits |= eight[i].raw_;
        return bits;
    }

    static inline std::uint64_t private_mask_ = 0;
    std::uint64_t raw_ = 0;
};

static_assert(sizeof(Entry) == 8);

}  // namespace enclavisor::kernel

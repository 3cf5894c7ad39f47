// The reverse map table: which guest a page of the machine belongs to, at which address, and what its
// privilege levels may do with it. Rules of AMD64 APM volume 3, as guests and hypervisors meet them.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "sim/status.hpp"

namespace enclavisor::sim {

inline constexpr std::uint64_t kPage = 4096, kLargePage = 512 * kPage;
inline constexpr unsigned kLevels = 4;

// Rights of a privilege level, as RMPADJUST has them.
inline constexpr std::uint8_t kMayRead = 1, kMayWrite = 2, kMayExecuteUser = 4, kMayExecuteSupervisor = 8,
                              kAllRights = 15;

struct RmpEntry {
    bool assigned = false, validated = false, immutable = false, vmsa = false, large = false;
    std::uint32_t asid = 0;
    std::uint64_t guest_address = 0;
    std::array<std::uint8_t, kLevels> rights{kAllRights, 0, 0, 0};
};

// What the hypervisor's instructions leave in RAX.
enum class HostOutcome : std::uint32_t {
    kDone = 0,
    kFailInput = 1,
    kFailPermission = 2,
    kFailInUse = 3,
    kFailOverlap = 4,
};

// How a guest's instruction or access ends.
enum class GuestEnd : std::uint32_t {
    kDone = 0,
    kNestedPageFault = 1,   // to the hypervisor, with `fault`
    kVmmCommunication = 2,  // #VC in the guest: the page is not validated (0x404)
    kGeneralProtection = 3,
};
// What PVALIDATE and RMPADJUST leave in EAX.
enum class GuestCode : std::uint32_t {
    kSuccess = 0,
    kFailInput = 1,
    kFailPermission = 2,
    kFailSizeMismatch = 6
};
// Bits of a nested page fault's EXITINFO1.
inline constexpr std::uint64_t kFaultPresent = 1, kFaultWrite = 2, kFaultFetch = 16, kFaultRmp = 1ull << 31,
                               kFaultEncrypted = 1ull << 34, kFaultSize = 1ull << 35,
                               kFaultLevel = 1ull << 36;

struct GuestOutcome {
    GuestEnd end = GuestEnd::kDone;
    GuestCode code = GuestCode::kSuccess;
    bool unchanged = false;  // CF of PVALIDATE
    std::uint64_t fault = 0;
};

// Where a guest's address leads: the nested page table is the hypervisor's, so it may be a lie.
struct Mapping {
    std::uint32_t asid;
    std::uint32_t level;  // VMPL of the virtual CPU
    std::uint64_t guest_address;
    std::uint64_t system_address;
    bool large;  // so mapped by the nested page table
};

enum class Access : std::uint32_t { kRead = 0, kWrite = 1, kExecuteUser = 2, kExecuteSupervisor = 3 };

class Rmp {
public:
    explicit Rmp(std::uint64_t memory) : memory_{memory} {}

    // The hypervisor's instructions. `entry` gives assigned, immutable, large, asid and guest_address.
    HostOutcome update(std::uint64_t system_address, const RmpEntry& entry);
    HostOutcome smash(std::uint64_t system_address);
    // Firmware's SNP_PAGE_UNSMASH: 512 small pages that are as one.
    Result<void> unsmash(std::uint64_t system_address);
    // SNP_PAGE_RECLAIM: the hypervisor gets back what it prepared and no launch took.
    Result<void> reclaim(std::uint64_t system_address);

    // The guest's instructions.
    GuestOutcome pvalidate(const Mapping& mapping, bool large, bool validate);
    GuestOutcome adjust(const Mapping& mapping, bool large, unsigned target, std::uint8_t rights, bool vmsa);
    // What an access would meet: private (C-bit set) or shared.
    GuestOutcome access(const Mapping& mapping, Access kind, bool is_private) const;

    // The entry that holds for this page; one that says not assigned, if none does.
    RmpEntry lookup(std::uint64_t system_address) const;

    // Firmware turns a page that the hypervisor has prepared (assigned, immutable) into the guest's own at
    // launch.
    Result<RmpEntry> launch(std::uint64_t system_address, std::uint32_t asid, bool large, bool vmsa,
                            const std::array<std::uint8_t, kLevels>& rights);

private:
    bool outside(std::uint64_t system_address, bool large) const;
    RmpEntry* find(std::uint64_t system_address);
    bool small_pages_within(std::uint64_t large_page) const;
    GuestOutcome owned(const Mapping& mapping, const RmpEntry& entry) const;

    std::uint64_t memory_;
    std::unordered_map<std::uint64_t, RmpEntry>
        entries_;  // of assigned pages only, by number of the first page
};

}  // namespace enclavisor::sim

#include "sim/rmp.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t size_of(bool large) {
    return large ? kLargePage : kPage;
}
constexpr bool aligned(std::uint64_t address, bool large) {
    return address % size_of(large) == 0;
}
constexpr std::uint64_t first_of_large(std::uint64_t address) {
    return address / kLargePage * kLargePage;
}

GuestOutcome fault(std::uint64_t bits) {
    return {GuestEnd::kNestedPageFault, GuestCode::kSuccess, false, bits | kFaultPresent};
}
GuestOutcome failed(GuestCode code) {
    return {GuestEnd::kDone, code, false, 0};
}

}  // namespace

bool Rmp::outside(std::uint64_t system_address, bool large) const {
    return system_address >= memory_ || memory_ - system_address < size_of(large);
}

RmpEntry* Rmp::find(std::uint64_t system_address) {
    if (const auto small = entries_.find(system_address / kPage); small != entries_.end())
        return &small->second;
    const auto large = entries_.find(first_of_large(system_address) / kPage);
    return large != entries_.end() && large->second.large ? &large->second : nullptr;
}

RmpEntry Rmp::lookup(std::uint64_t system_address) const {
    const RmpEntry* const entry = const_cast<Rmp*>(this)->find(system_address);
    if (entry == nullptr) return {};
    RmpEntry found = *entry;
    if (found.large) found.guest_address += system_address % kLargePage / kPage * kPage;
    return found;
}

bool Rmp::small_pages_within(std::uint64_t large_page) const {
    for (std::uint64_t page = large_page / kPage; page < (large_page + kLargePage) / kPage; ++page) {
        const auto entry = entries_.find(page);
        if (entry != entries_.end() && !entry->second.large) return true;
    }
    return false;
}

HostOutcome Rmp::update(std::uint64_t system_address, const RmpEntry& entry) {
    if (!aligned(system_address, entry.large) || outside(system_address, entry.large))
        return HostOutcome::kFailInput;
    if (entry.assigned) {
        // A page without a guest is the firmware's, and those are immutable.
        if (entry.asid == 0 ? !entry.immutable : !aligned(entry.guest_address, entry.large))
            return HostOutcome::kFailInput;
    } else if (entry.immutable || entry.asid != 0) {
        return HostOutcome::kFailInput;
    }
    if (entry.large && small_pages_within(system_address)) return HostOutcome::kFailOverlap;
    const RmpEntry* const old = find(system_address);
    if (old != nullptr && old->immutable) return HostOutcome::kFailPermission;
    if (old != nullptr && old->large && !entry.large) return HostOutcome::kFailOverlap;
    if (!entry.assigned) {
        entries_.erase(system_address / kPage);
        return HostOutcome::kDone;
    }
    RmpEntry fresh = entry;
    fresh.validated = fresh.vmsa = false;
    fresh.rights = {kAllRights, 0, 0, 0};
    entries_[system_address / kPage] = fresh;
    return HostOutcome::kDone;
}

HostOutcome Rmp::smash(std::uint64_t system_address) {
    if (!aligned(system_address, true) || outside(system_address, true)) return HostOutcome::kFailInput;
    const auto large = entries_.find(system_address / kPage);
    if (large == entries_.end() || !large->second.large) return HostOutcome::kFailInput;
    RmpEntry entry = large->second;
    if (entry.immutable) return HostOutcome::kFailPermission;
    entry.large = false;
    for (std::uint64_t i = 0; i < kLargePage / kPage; ++i, entry.guest_address += kPage)
        entries_[system_address / kPage + i] = entry;
    return HostOutcome::kDone;
}

Result<void> Rmp::unsmash(std::uint64_t system_address) {
    if (!aligned(system_address, true) || outside(system_address, true))
        return refuse(Status::kInvalidAddress);
    const RmpEntry first = lookup(system_address);
    if (!first.assigned || first.immutable || first.large || first.vmsa ||
        !aligned(first.guest_address, true))
        return refuse(Status::kInvalidPageState);
    for (std::uint64_t offset = kPage; offset < kLargePage; offset += kPage) {
        const RmpEntry entry = lookup(system_address + offset);
        if (!entry.assigned || entry.asid != first.asid || entry.validated != first.validated || entry.vmsa ||
            entry.immutable || entry.rights != first.rights ||
            entry.guest_address != first.guest_address + offset)
            return refuse(Status::kInvalidPageState);
    }
    for (std::uint64_t offset = kPage; offset < kLargePage; offset += kPage)
        entries_.erase((system_address + offset) / kPage);
    entries_[system_address / kPage].large = true;
    return {};
}

Result<void> Rmp::reclaim(std::uint64_t system_address) {
    RmpEntry* const entry = find(system_address);
    if (entry == nullptr || !entry->immutable) return refuse(Status::kInvalidPageState);
    entry->immutable = false;
    return {};
}

// What every private access meets first.
GuestOutcome Rmp::owned(const Mapping& mapping, const RmpEntry& entry) const {
    if (!entry.assigned || entry.asid != mapping.asid || entry.immutable ||
        entry.guest_address != mapping.guest_address / kPage * kPage)
        return fault(kFaultRmp | kFaultEncrypted);
    // A large nested page over small entries would reach pages that nobody has asked about.
    if (mapping.large && !entry.large) return fault(kFaultRmp | kFaultEncrypted | kFaultSize);
    return {};
}

GuestOutcome Rmp::pvalidate(const Mapping& mapping, bool large, bool validate) {
    if (mapping.level != 0) return {GuestEnd::kGeneralProtection, GuestCode::kSuccess, false, 0};
    if (!aligned(mapping.guest_address, large)) return failed(GuestCode::kFailInput);
    RmpEntry entry = lookup(mapping.system_address);
    if (const GuestOutcome end = owned(mapping, entry); end.end != GuestEnd::kDone) return end;
    if (large && (!entry.large || !mapping.large)) return failed(GuestCode::kFailSizeMismatch);
    // The hypervisor has to split its entry first.
    if (!large && entry.large) return fault(kFaultRmp | kFaultEncrypted | kFaultSize);
    RmpEntry& stored = *find(mapping.system_address);
    GuestOutcome outcome;
    outcome.unchanged = stored.validated == validate;
    stored.validated = validate;
    return outcome;
}

GuestOutcome Rmp::adjust(const Mapping& mapping, bool large, unsigned target, std::uint8_t rights,
                         bool vmsa) {
    if (target >= kLevels || (rights & ~kAllRights) != 0 || !aligned(mapping.guest_address, large) ||
        (large && vmsa))
        return failed(GuestCode::kFailInput);
    if (target <= mapping.level) return failed(GuestCode::kFailPermission);
    const RmpEntry entry = lookup(mapping.system_address);
    if (const GuestOutcome end = owned(mapping, entry); end.end != GuestEnd::kDone) return end;
    if (!entry.validated) return {GuestEnd::kVmmCommunication, GuestCode::kSuccess, false, 0};
    if (large && (!entry.large || !mapping.large)) return failed(GuestCode::kFailSizeMismatch);
    if (!large && entry.large) return fault(kFaultRmp | kFaultEncrypted | kFaultSize);
    // Nobody gives what he does not have; only the highest level makes state of virtual CPUs.
    if ((rights & ~entry.rights[mapping.level]) != 0) return failed(GuestCode::kFailPermission);
    if (vmsa != entry.vmsa && mapping.level != 0) return failed(GuestCode::kFailPermission);
    RmpEntry& stored = *find(mapping.system_address);
    stored.rights[target] = rights;
    stored.vmsa = vmsa;
    return {};
}

GuestOutcome Rmp::access(const Mapping& mapping, Access kind, bool is_private) const {
    static constexpr std::uint8_t kNeeded[] = {kMayRead, kMayWrite, kMayExecuteUser, kMayExecuteSupervisor};
    static constexpr std::uint64_t kBits[] = {0, kFaultWrite, kFaultFetch, kFaultFetch};
    const std::uint64_t bits = kBits[static_cast<int>(kind)];
    const RmpEntry entry = lookup(mapping.system_address);
    if (!is_private) {
        // Ciphertext may be read, never written.
        if (entry.assigned && kind == Access::kWrite) return fault(bits | kFaultRmp);
        return {};
    }
    GuestOutcome end = owned(mapping, entry);
    if (end.end == GuestEnd::kNestedPageFault) {
        end.fault |= bits;
        return end;
    }
    if (!entry.validated) return {GuestEnd::kVmmCommunication, GuestCode::kSuccess, false, 0};
    if (mapping.level >= kLevels || (entry.rights[mapping.level] & kNeeded[static_cast<int>(kind)]) == 0)
        return fault(bits | kFaultRmp | kFaultEncrypted | kFaultLevel);
    return {};
}

Result<RmpEntry> Rmp::launch(std::uint64_t system_address, std::uint32_t asid, bool large, bool vmsa,
                             const std::array<std::uint8_t, kLevels>& rights) {
    if (!aligned(system_address, large) || outside(system_address, large))
        return refuse(Status::kInvalidAddress);
    RmpEntry* const entry = find(system_address);
    if (entry == nullptr || !entry->assigned || !entry->immutable || entry->validated)
        return refuse(Status::kInvalidPageState);
    if (entry->asid != asid || asid == 0) return refuse(Status::kInvalidPageOwner);
    if (entry->large != large) return refuse(Status::kInvalidPageSize);
    entry->immutable = false;
    entry->validated = true;
    entry->vmsa = vmsa;
    entry->rights = rights;
    return *entry;
}

}  // namespace enclavisor::sim

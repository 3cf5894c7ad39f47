// The reverse map table's commands.
#include <algorithm>

#include "sim/model.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint32_t kAssigned = 1, kImmutable = 2, kLarge = 4, kValidated = 8, kVmsa = 16;

Mapping mapping_of(const GuestPlace& place) {
    return {place.asid, place.level, place.guest_address, place.system_address, place.mapped_large != 0};
}

Reply reply_of(const GuestOutcome& outcome) {
    return sim::reply_of(
        GuestReply{outcome.end, outcome.code, outcome.unchanged ? 1u : 0u, 0, outcome.fault});
}

Result<Reply> update(Model& model, BytesView request) {
    const auto asked = TRY(exactly<RmpUpdateRequest>(request));
    if ((asked.flags & ~(kAssigned | kImmutable | kLarge)) != 0) return refuse(Status::kInvalidParam);
    RmpEntry entry;
    entry.assigned = (asked.flags & kAssigned) != 0;
    entry.immutable = (asked.flags & kImmutable) != 0;
    entry.large = (asked.flags & kLarge) != 0;
    entry.asid = asked.asid;
    entry.guest_address = asked.guest_address;
    return sim::reply_of(HostReply{model.rmp.update(asked.system_address, entry)});
}

Result<Reply> smash(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SystemPage>(request));
    return sim::reply_of(HostReply{model.rmp.smash(asked.system_address)});
}

Result<Reply> read(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SystemPage>(request));
    const RmpEntry entry = model.rmp.lookup(asked.system_address);
    RmpReadReply reply{};
    reply.guest_address = entry.guest_address;
    reply.asid = entry.asid;
    reply.flags = (entry.assigned ? kAssigned : 0) | (entry.immutable ? kImmutable : 0) |
                  (entry.large ? kLarge : 0) | (entry.validated ? kValidated : 0) | (entry.vmsa ? kVmsa : 0);
    reply.rights = entry.rights;
    return sim::reply_of(reply);
}

Result<Reply> page_state_change(Model& model, BytesView request) {
    const auto asked = TRY(exactly<PageStateRequest>(request));
    const RmpEntry now = model.rmp.lookup(asked.system_address);
    RmpEntry wanted;
    wanted.large = asked.large != 0;
    // Not what belongs to others, whoever asks.
    if (now.assigned && now.asid != asked.asid) return sim::reply_of(HostReply{HostOutcome::kFailPermission});
    HostOutcome outcome = HostOutcome::kFailInput;
    switch (asked.operation) {
        case 1:
            wanted.assigned = true;
            wanted.asid = asked.asid;
            wanted.guest_address = asked.guest_address;
            outcome = model.rmp.update(asked.system_address, wanted);
            break;
        case 2:
            outcome = model.rmp.update(asked.system_address, wanted);
            break;
        case 3:
            outcome = model.rmp.smash(asked.system_address);
            break;
        case 4:
            outcome = model.rmp.unsmash(asked.system_address) ? HostOutcome::kDone : HostOutcome::kFailInput;
            break;
        default:
            break;
    }
    return sim::reply_of(HostReply{outcome});
}

Result<Reply> pvalidate(Model& model, BytesView request) {
    const auto asked = TRY(exactly<PvalidateRequest>(request));
    return reply_of(model.rmp.pvalidate(mapping_of(asked.place), asked.large != 0, asked.validate != 0));
}

Result<Reply> adjust(Model& model, BytesView request) {
    const auto asked = TRY(exactly<RmpAdjustRequest>(request));
    if (asked.rights > kAllRights) return reply_of(GuestOutcome{GuestEnd::kDone, GuestCode::kFailInput});
    return reply_of(model.rmp.adjust(mapping_of(asked.place), asked.large != 0, asked.target,
                                     static_cast<std::uint8_t>(asked.rights), asked.vmsa != 0));
}

Result<Reply> access(Model& model, BytesView request) {
    const auto asked = TRY(exactly<AccessRequest>(request));
    if (asked.kind > Access::kExecuteSupervisor) return refuse(Status::kInvalidParam);
    return reply_of(model.rmp.access(mapping_of(asked.place), asked.kind, asked.is_private != 0));
}

constexpr CommandRow kRows[] = {
    {Command::kRmpUpdate, update},    {Command::kSmash, smash},
    {Command::kRmpRead, read},        {Command::kPageStateChange, page_state_change},
    {Command::kPvalidate, pvalidate}, {Command::kRmpAdjust, adjust},
    {Command::kAccess, access},
};

}  // namespace

std::span<const CommandRow> memory_commands() {
    return kRows;
}

bool is_about_memory(Command command) {
    return std::ranges::any_of(kRows, [&](const CommandRow& row) { return row.command == command; });
}

}  // namespace enclavisor::sim

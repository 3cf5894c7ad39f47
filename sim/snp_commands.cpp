#include "sim/certificate_table.hpp"
#include "sim/guest_request.hpp"
#include "sim/model.hpp"

namespace enclavisor::sim {
namespace {

Result<Reply> init(Model& model, BytesView) {
    TRY(model.snp.init());
    return Reply{};
}

Result<Reply> platform_status(Model& model, BytesView) {
    const ChipState& state = model.chip.state();
    SnpPlatformStatus status{};
    status.api_major = kApiMajor;
    status.api_minor = kApiMinor;
    status.state = status.rmp_initialized = model.snp.initialized();
    status.build = kBuild;
    status.flags = (state.mask_chip_id ? 1u : 0u) | (state.mask_chip_key ? 2u : 0u) | (state.vlek ? 4u : 0u);
    status.guests = static_cast<std::uint32_t>(model.snp.guests());
    status.current_tcb = state.current_tcb;
    status.reported_tcb = state.reported_tcb;
    return reply_of(status);
}

Result<Reply> create(Model& model, BytesView) {
    return reply_of(GuestNumber{TRY(model.snp.create())});
}

Result<Reply> activate(Model& model, BytesView request) {
    const auto asked = TRY(exactly<ActivateRequest>(request));
    TRY(model.snp.activate(asked.guest, asked.asid));
    return Reply{};
}

Result<Reply> decommission(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    TRY(model.snp.decommission(asked.guest));
    return Reply{};
}

Result<Reply> guest_status(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    const SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    return reply_of(SnpGuestStatus{guest->identity().policy, guest->asid(), guest->state()});
}

Result<Reply> launch_start(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SnpStartRequest>(request));
    SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    TRY(guest->start(asked.start, model.chip));
    return Reply{};
}

Result<Reply> launch_update(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<SnpUpdateRequest>(request));
    SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    Bytes corrected;
    Result<Bytes> page = guest->update(asked.update, request, model.rmp, model.chip, corrected);
    if (!page && !corrected.empty()) return Reply{page.error(), std::move(corrected)};
    return Reply{Status::kSuccess, TRY(std::move(page))};
}

Result<Reply> launch_finish(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SnpFinishRequest>(request));
    SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    TRY(guest->finish(asked.finish));
    return Reply{};
}

Result<Reply> guest_request(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestMessageRequest>(request));
    SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    return reply_of(TRY(serve_guest(*guest, model.chip, asked.page)));
}

Result<Reply> extended_request(Model& model, BytesView request) {
    const auto asked = TRY(exactly<ExtendedRequest>(request));
    SnpGuest* const guest = TRY(model.snp.find(asked.guest));
    const Bytes table = certificate_table(model.chip, model.authority);
    ExtendedReply head{0, Status::kSuccess, static_cast<std::uint32_t>(table.size() / kPage), 0};
    if (asked.pages < head.pages) {
        head.host_error = kHostTooSmall;
        return reply_of(head);
    }
    const auto answer = serve_guest(*guest, model.chip, asked.page);
    if (!answer) head.firmware_error = answer.error();
    Reply reply = reply_of(head);
    append(reply.payload, table);
    append(reply.payload, answer ? BytesView{answer.value()} : BytesView{Block<kMessagePage>{}});
    return reply;
}

Result<Reply> unsmash(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SystemPage>(request));
    TRY(model.rmp.unsmash(asked.system_address));
    return Reply{};
}

Result<Reply> reclaim(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SystemPage>(request));
    TRY(model.rmp.reclaim(asked.system_address));
    return Reply{};
}

Result<Reply> configure(Model& model, BytesView request) {
    const auto asked = TRY(exactly<ConfigRequest>(request));
    if ((asked.flags & ~3u) != 0 || asked.reserved != 0) return refuse(Status::kInvalidParam);
    TRY(model.chip.configure(asked.reported_tcb, (asked.flags & 1) != 0, (asked.flags & 2) != 0));
    return Reply{};
}

Result<Reply> commit(Model& model, BytesView) {
    model.chip.commit();
    return Reply{};
}

Result<Reply> load_vlek(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<VlekRequest>(request));
    TRY(model.chip.load_vlek({{request.begin(), request.end()}, asked.tcb}));
    return Reply{};
}

constexpr CommandRow kRows[] = {
    {Command::kSnpInit, init},
    {Command::kSnpPlatformStatus, platform_status},
    {Command::kSnpDecommission, decommission},
    {Command::kSnpActivate, activate},
    {Command::kSnpGuestStatus, guest_status},
    {Command::kSnpContextCreate, create},
    {Command::kSnpGuestRequest, guest_request},
    {Command::kSnpLaunchStart, launch_start},
    {Command::kSnpLaunchUpdate, launch_update},
    {Command::kSnpLaunchFinish, launch_finish},
    {Command::kSnpPageReclaim, reclaim},
    {Command::kSnpPageUnsmash, unsmash},
    {Command::kSnpConfig, configure},
    {Command::kSnpCommit, commit},
    {Command::kSnpVlekLoad, load_vlek},
    {Command::kExtendedRequest, extended_request},
};

}  // namespace

std::span<const CommandRow> snp_commands() {
    return kRows;
}

}  // namespace enclavisor::sim

#include "sim/model.hpp"

namespace enclavisor::sim {
namespace {

Result<Reply> init(Model& model, BytesView request) {
    const auto asked = TRY(exactly<SevInitRequest>(request));
    if (asked.flags > 1) return refuse(Status::kInvalidParam);
    TRY(model.sev.init(asked.flags != 0));
    return Reply{};
}

Result<Reply> shutdown(Model& model, BytesView) {
    model.sev.shutdown();
    return Reply{};
}

Result<Reply> platform_reset(Model& model, BytesView) {
    TRY(model.sev.reset());
    return Reply{};
}

Result<Reply> platform_status(Model& model, BytesView) {
    SevPlatformStatus status{};
    status.api_major = kApiMajor;
    status.api_minor = kApiMinor;
    status.state = model.sev.state();
    status.configuration = std::uint32_t{kBuild} << 24 | (model.sev.es() ? 1u : 0u);
    status.guests = static_cast<std::uint32_t>(model.sev.guests());
    return reply_of(status);
}

Result<Reply> generate_pek(Model& model, BytesView) {
    TRY(model.sev.generate_pek());
    return Reply{};
}

Result<Reply> generate_pdh(Model& model, BytesView) {
    TRY(model.sev.generate_pdh());
    return Reply{};
}

Result<Reply> export_pdh(Model& model, BytesView) {
    return reply_of(TRY(model.sev.export_pdh(model.chip)));
}

Result<Reply> get_id(Model& model, BytesView) {
    return reply_of(model.chip.state().id);
}

Result<Reply> decommission(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    TRY(model.sev.decommission(asked.guest));
    return Reply{};
}

Result<Reply> activate(Model& model, BytesView request) {
    const auto asked = TRY(exactly<ActivateRequest>(request));
    TRY(model.sev.activate(asked.guest, asked.asid));
    return Reply{};
}

Result<Reply> deactivate(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    TRY(model.sev.deactivate(asked.guest));
    return Reply{};
}

Result<Reply> guest_status(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    const SevGuest* const guest = TRY(model.sev.find(asked.guest));
    return reply_of(SevGuestStatus{guest->policy(), guest->asid(), guest->state()});
}

Result<Reply> launch_start(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<SevStartRequest>(request));
    std::optional<SevCertificate> owner;
    std::optional<SevSession> session;
    if (asked.has_owner > 1) return refuse(Status::kInvalidParam);
    if (asked.has_owner != 0) {
        owner = TRY(begins_with<SevCertificate>(request));
        session = TRY(begins_with<SevSession>(request));
    }
    if (!request.empty()) return refuse(Status::kInvalidLength);
    return reply_of(GuestNumber{TRY(model.sev.start(asked.handle, asked.policy, owner, session))});
}

Result<Reply> update_data(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<GuestNumber>(request));
    SevGuest* const guest = TRY(model.sev.find(asked.guest));
    TRY(guest->update_data(request));
    return Reply{};
}

Result<Reply> update_vmsa(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<GuestNumber>(request));
    SevGuest* const guest = TRY(model.sev.find(asked.guest));
    TRY(guest->update_vmsa(request));
    return Reply{};
}

Result<Reply> measure(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    SevGuest* const guest = TRY(model.sev.find(asked.guest));
    return reply_of(TRY(guest->measure()));
}

Result<Reply> secret(Model& model, BytesView request) {
    const auto asked = TRY(begins_with<SevSecretRequest>(request));
    SevGuest* const guest = TRY(model.sev.find(asked.guest));
    return Reply{Status::kSuccess, TRY(guest->secret(asked.header, asked.address, asked.size, request))};
}

Result<Reply> finish(Model& model, BytesView request) {
    const auto asked = TRY(exactly<GuestNumber>(request));
    SevGuest* const guest = TRY(model.sev.find(asked.guest));
    TRY(guest->finish());
    return Reply{};
}

constexpr CommandRow kRows[] = {
    {Command::kInit, init},
    {Command::kShutdown, shutdown},
    {Command::kPlatformReset, platform_reset},
    {Command::kPlatformStatus, platform_status},
    {Command::kPekGenerate, generate_pek},
    {Command::kPdhExport, export_pdh},
    {Command::kPdhGenerate, generate_pdh},
    {Command::kGetId, get_id},
    {Command::kDecommission, decommission},
    {Command::kActivate, activate},
    {Command::kDeactivate, deactivate},
    {Command::kGuestStatus, guest_status},
    {Command::kLaunchStart, launch_start},
    {Command::kLaunchUpdateData, update_data},
    {Command::kLaunchUpdateVmsa, update_vmsa},
    {Command::kLaunchMeasure, measure},
    {Command::kLaunchSecret, secret},
    {Command::kLaunchFinish, finish},
};

}  // namespace

std::span<const CommandRow> sev_commands() {
    return kRows;
}

}  // namespace enclavisor::sim

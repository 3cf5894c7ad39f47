#include "sim/guest_request.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint32_t kSelectAny = 0, kSelectVlek = 2;  // 1: the VCEK
constexpr std::uint32_t kSignedByVlek = 1 << 2, kSignedByNone = 7 << 2, kMaskedKey = 1 << 1, kHasAuthor = 1;

// Whether it is the VLEK that this selection means.
Result<bool> selects_vlek(std::uint32_t selection, const SnpGuest& guest, const Chip& chip) {
    const bool usable = chip.vlek(chip.state().reported_tcb).has_value();
    if (selection > kSelectVlek) return refuse(Status::kInvalidParam);
    const bool vlek = selection == kSelectVlek || (selection == kSelectAny && usable);
    if (vlek ? !usable : guest.identity().no_vcek) return refuse(Status::kInvalidKey);
    return vlek;
}

Report fill_report(const SnpGuest& guest, const Chip& chip, const ReportRequest& request) {
    const SnpIdentity& identity = guest.identity();
    const ChipState& platform = chip.state();
    Report report{};
    report.version = platform.report_version;
    report.guest_svn = identity.guest_svn;
    report.policy = identity.policy;
    report.family = identity.family;
    report.image = identity.image;
    report.level = request.level;
    report.signature_algorithm = 1;
    report.current_tcb = platform.current_tcb;
    report.platform_info = platform.platform_info;
    report.flags = identity.has_author ? kHasAuthor : 0;
    report.report_data = request.report_data;
    report.measurement = identity.measurement;
    report.host_data = identity.host_data;
    report.id_key_digest = identity.id_key_digest;
    report.author_key_digest = identity.author_key_digest;
    report.report_id = identity.report_id;
    report.report_id_migration.fill(0xFF);
    report.reported_tcb = platform.reported_tcb;
    report.committed_tcb = platform.committed_tcb;
    report.current_build = report.committed_build = kBuild;
    report.current_minor = report.committed_minor = kApiMinor;
    report.current_major = report.committed_major = kApiMajor;
    report.launch_tcb = identity.launch_tcb;
    if (report.version >= 3) {
        report.family_of_cpu = chip.facts().family;
        report.model_of_cpu = chip.facts().model;
        report.stepping_of_cpu = chip.facts().stepping;
    }
    if (report.version >= 5) {
        report.launch_mitigations = identity.launch_mitigations;
        report.current_mitigations = platform.mitigations;
    }
    return report;
}

Result<Report> make_report(const SnpGuest& guest, const Chip& chip, const Message& message) {
    BytesView rest{message.text};
    const ReportRequest request = *take_front<ReportRequest>(rest);
    // The number of the key is the level that it was given to.
    if (request.level >= kLevels || request.level < message.key || !all_zero(request.reserved))
        return refuse(Status::kInvalidParam);
    const bool vlek = TRY(selects_vlek(request.key, guest, chip));
    const ChipState& platform = chip.state();
    Report report = fill_report(guest, chip, request);
    // A VLEK says nothing of the chip.
    if (!vlek && !platform.mask_chip_id) report.chip_id = platform.id;
    if (platform.mask_chip_key) {
        report.flags |= kMaskedKey | kSignedByNone;
        return report;
    }
    if (vlek) report.flags |= kSignedByVlek;
    const EcKey key = vlek ? *chip.vlek(platform.reported_tcb) : chip.vcek(platform.reported_tcb);
    report.signature = key.sign(Hash::kSha384, view_of(report).first(offsetof(Report, signature)));
    return report;
}

Result<Block<32>> make_key(const SnpGuest& guest, const Chip& chip, const Message& message) {
    BytesView rest{message.text};
    const KeyRequest request = *take_front<KeyRequest>(rest);
    const std::uint64_t mitigations = take_front<std::uint64_t>(rest).value_or(0);
    const SnpIdentity& identity = guest.identity();
    const std::uint64_t known =
        message.version >= 2 ? 2 * key_field::kMitigations - 1 : key_field::kMitigations - 1;
    if ((request.root & ~7u) != 0 || request.reserved != 0 || (request.fields & ~known) != 0 ||
        request.level >= kLevels || request.level < message.key || request.guest_svn > identity.guest_svn ||
        (request.tcb & chip.facts().reserved_tcb) != 0 ||
        !tcb_at_most(request.tcb, chip.state().committed_tcb) ||
        (mitigations & ~identity.launch_mitigations) != 0)
        return refuse(Status::kInvalidParam);
    Bytes root;
    if ((request.root & 1) != 0) {
        append(root, guest.root_key());
    } else {
        append(root, chip.root_of_keys(TRY(selects_vlek(request.root >> 1, guest, chip))));
    }
    // The selection and the level are always part of it, and each field has its place.
    const auto if_selected = [&](std::uint64_t field, auto value) {
        return (request.fields & field) != 0 ? value : decltype(value){};
    };
    Bytes context = bytes_of(request.fields);
    append(context, view_of(request.root));
    append(context, view_of(request.level));
    append(context, view_of(if_selected(key_field::kPolicy, identity.policy)));
    append(context, if_selected(key_field::kImage, identity.image));
    append(context, if_selected(key_field::kFamily, identity.family));
    append(context, if_selected(key_field::kMeasurement, identity.measurement));
    append(context, view_of(if_selected(key_field::kGuestSvn, request.guest_svn)));
    append(context, view_of(if_selected(key_field::kTcb, request.tcb)));
    append(context, view_of(if_selected(key_field::kMitigations, mitigations)));
    return block_of<32>(BytesView{hmac_sha384(root, {context})}.first(32));
}

// A response whose body is `made`, or the reason why there is none.
template <Plain T>
Bytes respond(Result<T> made, std::uint32_t size) {
    ResponseHead head{};
    head.status = static_cast<std::uint32_t>(made ? Status::kSuccess : made.error());
    head.size = made ? size : 0;
    Bytes out = bytes_of(head);
    append(out, made ? view_of(made.value()) : view_of(T{}));
    return out;
}

Bytes tell_tsc(const SnpGuest& guest, const Message& message) {
    TscResponse response{};
    if (guest.tsc_khz() == 0 || !all_zero(message.text)) {
        response.status = static_cast<std::uint32_t>(Status::kInvalidParam);
    } else {
        response.scale = (std::uint64_t{guest.tsc_khz()} << 32) / kPlatformTscKhz;
        response.factor = kTscFactor;
    }
    return bytes_of(response);
}

Result<Bytes> respond_to(const SnpGuest& guest, const Chip& chip, const Message& message) {
    const auto expect = [&](std::size_t size, std::uint8_t newest) -> Result<void> {
        if (message.version == 0 || message.version > newest) return refuse(Status::kBadVersion);
        if (message.text.size() != size) return refuse(Status::kInvalidLength);
        return {};
    };
    switch (static_cast<MessageType>(message.type)) {
        case MessageType::kReportRequest:
            TRY(expect(sizeof(ReportRequest), 1));
            return respond(make_report(guest, chip, message), sizeof(Report));
        case MessageType::kKeyRequest:
            TRY(expect(sizeof(KeyRequest) + (message.version == 2 ? sizeof(std::uint64_t) : 0), 2));
            return respond(make_key(guest, chip, message), 0);
        case MessageType::kTscRequest:
            TRY(expect(sizeof(TscResponse), 1));
            return tell_tsc(guest, message);
    }
    return refuse(Status::kInvalidParam);
}

}  // namespace

Result<Block<kMessagePage>> serve_guest(SnpGuest& guest, const Chip& chip, const Block<kMessagePage>& page) {
    const Message message = TRY(guest.receive(page));
    Bytes text = TRY(respond_to(guest, chip, message));
    return guest.answer(message, std::move(text));
}

}  // namespace enclavisor::sim

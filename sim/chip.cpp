#include "sim/chip.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::size_t kLongestProvider = 64;

BytesView bytes_in(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Chip Chip::make(Product product) {
    ChipState state;
    state.product = product;
    state.secret = random_block<32>();
    fill_random(std::span{state.id}.first(facts_of(product).chip_id_size));
    state.current_tcb = product == Product::kTurin ? 0x51'000000'04'01'01'01 : 0xDB'18'00000000'00'04;
    state.committed_tcb = state.reported_tcb = state.current_tcb;
    state.platform_info = kInfoSmt | 1 << 2 | 1 << 5;  // SMT, ECC, ALIAS_CHECK_COMPLETE
    state.mitigations = product == Product::kTurin ? 0x3F : 0x0B;
    return Chip{state};
}

Result<void> Chip::set_current_tcb(std::uint64_t tcb) {
    if (!valid_tcb(tcb)) return refuse(Status::kInvalidParam);
    if (!tcb_at_most(state_.committed_tcb, tcb)) return refuse(Status::kBadSvn);
    state_.current_tcb = tcb;
    return {};
}

void Chip::commit() {
    state_.committed_tcb = state_.reported_tcb = state_.current_tcb;
}

Result<void> Chip::configure(std::uint64_t reported_tcb, bool mask_chip_id, bool mask_chip_key) {
    if (!valid_tcb(reported_tcb) || !tcb_at_most(reported_tcb, state_.committed_tcb))
        return refuse(Status::kInvalidParam);
    state_.reported_tcb = reported_tcb == 0 ? state_.committed_tcb : reported_tcb;
    state_.mask_chip_id = mask_chip_id;
    state_.mask_chip_key = mask_chip_key;
    return {};
}

Result<void> Chip::load_vlek(Vlek vlek) {
    if (vlek.provider.empty() || vlek.provider.size() > kLongestProvider || !valid_tcb(vlek.tcb))
        return refuse(Status::kInvalidParam);
    for (const char c : vlek.provider)
        if (c < ' ' || c > '~') return refuse(Status::kInvalidParam);
    if (!tcb_at_most(vlek.tcb, state_.committed_tcb)) return refuse(Status::kBadSvn);
    state_.vlek = std::move(vlek);
    return {};
}

Result<void> Chip::describe(std::uint32_t report_version, std::uint64_t platform_info,
                            std::uint64_t mitigations) {
    if (report_version < kOldestReport || report_version > kNewestReport || report_version == 4)
        return refuse(Status::kBadVersion);
    state_.report_version = report_version;
    state_.platform_info = platform_info;
    state_.mitigations = mitigations;
    return {};
}

Block<48> Chip::secret_for(std::string_view purpose, BytesView context) const {
    return hmac_sha384(state_.secret, {bytes_in(purpose), context});
}

EcKey Chip::vcek(std::uint64_t tcb) const {
    return EcKey::derive(secret_for("VCEK", view_of(tcb)));
}

std::optional<EcKey> Chip::vlek(std::uint64_t tcb) const {
    if (!state_.vlek || !tcb_at_most(tcb, state_.vlek->tcb)) return std::nullopt;
    Bytes context = bytes_of(tcb);
    append(context, bytes_in(state_.vlek->provider));
    return EcKey::derive(secret_for("VLEK", context));
}

EcKey Chip::cek() const {
    return EcKey::derive(secret_for("CEK", {}));
}

Block<48> Chip::root_of_keys(bool vlek) const {
    if (!vlek) return secret_for("keys of the VCEK", {});
    return secret_for("keys of the VLEK", bytes_in(state_.vlek->provider));
}

}  // namespace enclavisor::sim

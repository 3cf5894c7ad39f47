#include "sim/snp_guest.hpp"

#include "sim/cpuid_page.hpp"

namespace enclavisor::sim {
namespace {

// What the launch digest is extended with (SNP ABI: "PAGE_INFO").
struct PageInfo {
    Block<48> digest, contents;
    std::uint16_t size;
    PageType type;
    std::uint8_t image, rights3, rights2, rights1, reserved;
    std::uint64_t guest_address;
};
static_assert(sizeof(PageInfo) == 0x70);

struct SecretsPage {
    std::uint32_t version, image, signature, reserved0;
    Block<16> workarounds;
    std::array<Block<32>, kMessageKeys> keys;
    Block<96> guest_area;
    Block<64> vmsa_tweaks;
    Block<32> svsm;
    std::uint32_t tsc_factor;
    Block<3740> reserved1;
};
static_assert(sizeof(SecretsPage) == kPage && offsetof(SecretsPage, guest_area) == 0xA0 &&
              offsetof(SecretsPage, tsc_factor) == 0x160);

// As EAX of CPUID leaf 1 has it.
std::uint32_t signature_of(const ProductFacts& facts) {
    const std::uint32_t extended = facts.family - 0xFu;
    return extended << 20 | (facts.model & 0xF0u) << 12 | 0xFu << 8 | (facts.model & 0xFu) << 4 |
           facts.stepping;
}

Result<void> check_policy(std::uint64_t policy, const Chip& chip) {
    using namespace snp_policy;
    const std::uint64_t platform = chip.state().platform_info;
    if ((policy & kReserved) != 0 || (policy & kOne) == 0) return refuse(Status::kInvalidParam);
    const std::uint32_t wanted = static_cast<std::uint32_t>(policy >> 8 & 0xFF) << 8 | (policy & 0xFF);
    const bool smt = (policy & kSmt) == 0 && (platform & kInfoSmt) != 0;
    const bool rapl = (policy & kRaplOff) != 0 && (platform & 1 << 3) == 0;
    const bool hiding = (policy & kCiphertextHiding) != 0 && (platform & 1 << 4) == 0;
    if (wanted > (kApiMajor << 8 | kApiMinor) || smt || rapl || hiding ||
        (policy & (kMigrate | kAes256Xts)) != 0)
        return refuse(Status::kPolicyFailure);
    return {};
}

}  // namespace

Result<void> SnpGuest::start(const SnpStart& start, const Chip& chip) {
    if (state_ != SnpState::kInit) return refuse(Status::kInvalidGuestState);
    if ((start.flags & ~kStartImage) != 0) return refuse(Status::kInvalidParam);
    TRY(check_policy(start.policy, chip));
    identity_.policy = start.policy;
    identity_.report_id = random_block<32>();
    identity_.launch_tcb = chip.state().current_tcb;
    identity_.launch_mitigations = chip.state().mitigations;
    image_ = (start.flags & kStartImage) != 0;
    tsc_khz_ = start.tsc_khz;
    workarounds_ = start.workarounds;
    root_key_ = random_block<32>();
    for (Block<32>& key : keys_) key = random_block<32>();
    state_ = SnpState::kLaunch;
    return {};
}

Result<void> SnpGuest::activate(std::uint32_t asid) {
    if (state_ == SnpState::kInit) return refuse(Status::kInvalidGuestState);
    if (asid_ != 0) return refuse(Status::kActive);
    asid_ = asid;
    return {};
}

void SnpGuest::measure(PageType type, BytesView contents, const SnpUpdate& update,
                       std::uint64_t guest_address) {
    PageInfo info{};
    info.digest = digest_;
    if (type == PageType::kNormal || type == PageType::kVmsa) info.contents = sha384({contents});
    info.size = sizeof(info);
    info.type = type;
    info.image = update.image;
    info.rights3 = update.rights3;
    info.rights2 = update.rights2;
    info.rights1 = update.rights1;
    info.guest_address = guest_address;
    digest_ = sha384({view_of(info)});
}

Bytes SnpGuest::secrets(const Chip& chip) const {
    SecretsPage page{};
    page.version = 3;
    page.image = image_ ? 1 : 0;
    page.signature = signature_of(chip.facts());
    page.workarounds = workarounds_;
    page.keys = keys_;
    page.tsc_factor = kTscFactor;
    return bytes_of(page);
}

Result<Bytes> SnpGuest::update(const SnpUpdate& update, BytesView contents, Rmp& rmp, const Chip& chip,
                               Bytes& corrected) {
    if (state_ != SnpState::kLaunch) return refuse(Status::kInvalidGuestState);
    if (asid_ == 0) return refuse(Status::kInactive);
    const auto rights = {update.rights1, update.rights2, update.rights3};
    for (const std::uint8_t right : rights)
        if ((right & ~kAllRights) != 0) return refuse(Status::kInvalidParam);
    const bool large = update.large != 0;
    const bool single = update.type == PageType::kVmsa || update.type == PageType::kSecrets ||
                        update.type == PageType::kCpuid;
    if (update.type < PageType::kNormal || update.type > PageType::kCpuid || update.large > 1 ||
        update.image > 1 || !all_zero(update.reserved) || (update.image != 0 && !image_))
        return refuse(Status::kInvalidParam);
    if (large && single) return refuse(Status::kInvalidPageSize);
    if (contents.size() != (large ? kLargePage : kPage)) return refuse(Status::kInvalidLength);
    if (update.type == PageType::kCpuid) {
        corrected = {contents.begin(), contents.end()};
        if (!correct_cpuid(corrected)) return refuse(Status::kInvalidParam);
        corrected.clear();
    }
    const RmpEntry entry = TRY(rmp.launch(update.address, asid_, large, update.type == PageType::kVmsa,
                                          {kAllRights, update.rights1, update.rights2, update.rights3}));
    for (std::uint64_t offset = 0; offset < contents.size(); offset += kPage)
        measure(update.type, contents.subspan(offset, kPage), update, entry.guest_address + offset);
    if (update.type == PageType::kSecrets) return secrets(chip);
    if (update.type == PageType::kZero) return Bytes(contents.size());
    return Bytes{contents.begin(), contents.end()};
}

Result<void> SnpGuest::check_id(const SnpFinish& finish) {
    const IdBlock& block = finish.id_block;
    const IdAuth& auth = finish.id_auth;
    if (block.version != 1 || auth.id_algorithm != kIdAlgorithm) return refuse(Status::kInvalidParam);
    if (!verify(auth.id_key, Hash::kSha384, view_of(block), auth.block_signature))
        return refuse(Status::kBadSignature);
    const bool author = (finish.flags & kFinishAuthor) != 0;
    if (author && auth.author_algorithm != kIdAlgorithm) return refuse(Status::kInvalidParam);
    if (author && !verify(auth.author_key, Hash::kSha384, view_of(auth.id_key), auth.id_signature))
        return refuse(Status::kBadSignature);
    if (block.digest != digest_) return refuse(Status::kBadMeasurement);
    if (block.policy != identity_.policy) return refuse(Status::kPolicyFailure);
    identity_.family = block.family;
    identity_.image = block.image;
    identity_.guest_svn = block.guest_svn;
    identity_.id_key_digest = sha384({view_of(auth.id_key)});
    if (author) identity_.author_key_digest = sha384({view_of(auth.author_key)});
    identity_.has_author = author;
    return {};
}

Result<void> SnpGuest::finish(const SnpFinish& finish) {
    if (state_ != SnpState::kLaunch) return refuse(Status::kInvalidGuestState);
    if (asid_ == 0) return refuse(Status::kInactive);
    const bool has_id = (finish.flags & kFinishIdBlock) != 0;
    if ((finish.flags & ~(kFinishIdBlock | kFinishAuthor | kFinishNoVcek)) != 0 || finish.reserved != 0 ||
        (!has_id && (finish.flags & kFinishAuthor) != 0))
        return refuse(Status::kInvalidParam);
    if (has_id) TRY(check_id(finish));
    identity_.measurement = digest_;
    identity_.host_data = finish.host_data;
    identity_.no_vcek = (finish.flags & kFinishNoVcek) != 0;
    state_ = SnpState::kRunning;
    return {};
}

Result<Message> SnpGuest::receive(const Block<kMessagePage>& page) const {
    if (state_ != SnpState::kRunning) return refuse(Status::kInvalidGuestState);
    return open(page, keys_, counts_);
}

Block<kMessagePage> SnpGuest::answer(const Message& request, Bytes text) {
    const std::uint8_t type = request.type + 1;
    std::uint64_t& count = counts_[request.key];
    count += 2;
    return seal({type, request.version, request.key, std::move(text)}, keys_[request.key], count);
}

}  // namespace enclavisor::sim

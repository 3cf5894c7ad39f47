// One SNP guest as the firmware knows it: from the start of its launch to its messages.
#pragma once

#include "sim/chip.hpp"
#include "sim/guest_message.hpp"
#include "sim/rmp.hpp"

namespace enclavisor::sim {

enum class SnpState : std::uint32_t { kInit = 0, kLaunch = 1, kRunning = 2 };

enum class PageType : std::uint8_t {
    kNormal = 1,
    kVmsa = 2,
    kZero = 3,
    kUnmeasured = 4,
    kSecrets = 5,
    kCpuid = 6,
};

namespace snp_policy {
inline constexpr std::uint64_t kSmt = 1ull << 16, kOne = 1ull << 17, kMigrate = 1ull << 18,
                               kDebug = 1ull << 19, kAes256Xts = 1ull << 22, kRaplOff = 1ull << 23,
                               kCiphertextHiding = 1ull << 24, kReserved = ~((1ull << 26) - 1);
}

struct SnpStart {
    std::uint64_t policy;
    std::uint32_t flags;  // 1: IMI_EN; 0, MA_EN, is refused: there is no migration agent
    std::uint32_t tsc_khz;
    Block<16> workarounds;  // GOSVW
};
inline constexpr std::uint32_t kStartMigration = 1, kStartImage = 2;

struct SnpUpdate {
    std::uint64_t address;
    PageType type;
    std::uint8_t large, image;
    std::uint8_t rights1, rights2, rights3;
    Block<2> reserved;
};

struct IdBlock {
    Block<48> digest;
    Block<16> family, image;
    std::uint32_t version, guest_svn;
    std::uint64_t policy;
};
static_assert(sizeof(IdBlock) == 96);

struct IdAuth {
    std::uint32_t id_algorithm, author_algorithm;  // kIdAlgorithm
    Block<56> reserved0;
    AmdSignature block_signature;
    AmdPublicKey id_key;
    Block<60> reserved1;
    AmdSignature id_signature;
    AmdPublicKey author_key;
    Block<892> reserved2;
};
static_assert(sizeof(IdAuth) == 4096);
inline constexpr std::uint32_t kIdAlgorithm = 1;

struct SnpFinish {
    std::uint32_t flags;
    std::uint32_t reserved;
    Block<32> host_data;
    IdBlock id_block;
    IdAuth id_auth;
};
inline constexpr std::uint32_t kFinishIdBlock = 1, kFinishAuthor = 2, kFinishNoVcek = 4;

// What a report says of a guest beyond the platform.
struct SnpIdentity {
    std::uint64_t policy = 0;
    std::uint32_t guest_svn = 0;
    Block<16> family{}, image{};
    Block<48> measurement{}, id_key_digest{}, author_key_digest{};
    Block<32> host_data{}, report_id{};
    bool has_author = false, no_vcek = false;
    std::uint64_t launch_tcb = 0, launch_mitigations = 0;
};

class SnpGuest {
public:
    SnpState state() const { return state_; }
    std::uint32_t asid() const { return asid_; }
    const SnpIdentity& identity() const { return identity_; }
    // VM root key: drawn at launch, as no migration agent gives another.
    const Block<32>& root_key() const { return root_key_; }
    // What was measured so far.
    const Block<48>& digest() const { return digest_; }
    std::uint32_t tsc_khz() const { return tsc_khz_; }

    Result<void> start(const SnpStart& start, const Chip& chip);
    Result<void> activate(std::uint32_t asid);
    // What the page holds for the guest: `contents`, but the secrets page is filled in. A CPUID page that the
    // firmware does not accept comes back in `corrected`, and the digest stays.
    Result<Bytes> update(const SnpUpdate& update, BytesView contents, Rmp& rmp, const Chip& chip,
                         Bytes& corrected);
    Result<void> finish(const SnpFinish& finish);

    // The message that is in turn; answer() seals what is said to it, and only then is it counted.
    Result<Message> receive(const Block<kMessagePage>& page) const;
    Block<kMessagePage> answer(const Message& request, Bytes text);

private:
    void measure(PageType type, BytesView contents, const SnpUpdate& update, std::uint64_t guest_address);
    Result<void> check_id(const SnpFinish& finish);
    Bytes secrets(const Chip& chip) const;

    SnpState state_ = SnpState::kInit;
    std::uint32_t asid_ = 0;
    SnpIdentity identity_;
    Block<48> digest_{};
    bool image_ = false;
    std::uint32_t tsc_khz_ = 0;
    Block<16> workarounds_{};
    Block<32> root_key_{};
    std::array<Block<32>, kMessageKeys> keys_{};
    std::array<std::uint64_t, kMessageKeys> counts_{};
};

// TSC of the platform, and how far below its nominal value its mean is: hundred-thousandths.
inline constexpr std::uint32_t kPlatformTscKhz = 2'450'000, kTscFactor = 1;

}  // namespace enclavisor::sim

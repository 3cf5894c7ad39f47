// SEV and SEV-ES launches, with a guest owner who is written out here.
#include "sim/test_model.hpp"
#include "sim/test_vectors.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint32_t kPolicy = 1 | sev_policy::kEs;

template <std::size_t N>
Block<N> known(const char* hex) {
    return block_of<N>(from_hex(hex));
}
template <Plain T>
T head_of(BytesView bytes) {
    return *take_front<T>(bytes);
}

TEST(SevSession, KnownAnswers) {
    EXPECT_EQ(sev_kdf(Block<16>{}, "sev-master-secret", Block<16>{}), known<16>(kMaster));
    // The published session has a shared secret of 16 zero bytes, which HMAC cannot tell from 48.
    SevSession session{{}, known<32>(kWrapped), {}, known<32>(kWrapMac), known<32>(kPolicyMac)};
    const auto keys = open_session(session, Block<48>{}, 0);
    ASSERT_TRUE(keys.ok());
    EXPECT_TRUE(all_zero(keys.value().encryption));
    EXPECT_TRUE(all_zero(keys.value().integrity));
    EXPECT_EQ(open_session(session, Block<48>{}, 1).error(), Status::kBadMeasurement);
    session.wrapped_keys[0] ^= 1;
    EXPECT_EQ(open_session(session, Block<48>{}, 0).error(), Status::kBadMeasurement);

    const TransportKeys measuring{{}, known<16>(kMeasureTik)};
    const Measured measured{known<32>(kMeasureDigest), known<16>(kMeasureNonce), 5, 1, 49, 6};
    EXPECT_EQ(measure_launch(measuring, measured), known<32>(kMeasure));

    const TransportKeys sealing{known<16>(kSecretTek), known<16>(kSecretTik)};
    const auto header = head_of<SecretHeader>(from_hex(kSecretHeader));
    const Bytes sealed = from_hex(kSecretSealed);
    const auto secret = open_secret(sealing, header, known<32>(kSecretMeasure), sealed);
    ASSERT_TRUE(secret.ok());
    const std::string text{secret.value().begin(), secret.value().end()};
    EXPECT_NE(text.find("MY-LUKS-PASSPHRASE"), text.npos);
    EXPECT_EQ(open_secret(sealing, header, Block<32>{}, sealed).error(), Status::kBadMeasurement);
}

// Wraps keys for the platform, as an owner does.
struct Owner {
    EcKey key = EcKey::generate();
    TransportKeys keys{random_block<16>(), random_block<16>()};

    SevCertificate certificate() const { return unsigned_certificate(key.public_key(), sev_usage::kPdh); }
    SevSession session(const SevCertificate& pdh, std::uint32_t policy) const {
        SevSession session{};
        session.nonce = random_block<16>();
        session.wrap_iv = random_block<16>();
        const Block<16> master = sev_kdf(*key.agree(pdh.key), "sev-master-secret", session.nonce);
        Bytes both{keys.encryption.begin(), keys.encryption.end()};
        append(both, keys.integrity);
        session.wrapped_keys = block_of<32>(aes_ctr(sev_kdf(master, "sev-kek", {}), session.wrap_iv, both));
        session.wrap_mac = hmac_sha256(sev_kdf(master, "sev-kik", {}), {session.wrapped_keys});
        session.policy_mac = hmac_sha256(keys.integrity, {view_of(policy)});
        return session;
    }
    SecretHeader seal(Bytes& data, const Block<32>& measurement) const {
        SecretHeader header{0, random_block<16>(), {}};
        data = aes_ctr(keys.encryption, header.iv, data);
        const std::uint8_t purpose = 1;
        const auto size = static_cast<std::uint32_t>(data.size());
        header.mac = hmac_sha256(keys.integrity, {view_of(purpose), view_of(header.flags), header.iv,
                                                  view_of(size), view_of(size), data, measurement});
        return header;
    }
};

class SevTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(model.status(Command::kInit, SevInitRequest{1}), Status::kSuccess); }

    Reply start(std::uint32_t policy = kPolicy) {
        const auto chain = head_of<PdhExport>(model.ask(Command::kPdhExport).payload);
        return start_with(owner.certificate(), owner.session(chain.pdh, policy), policy);
    }
    Reply start_with(const SevCertificate& certificate, const SevSession& session, std::uint32_t policy) {
        Bytes tail = bytes_of(certificate);
        append(tail, view_of(session));
        return model.ask(Command::kLaunchStart, SevStartRequest{0, policy, 1}, tail);
    }
    std::uint32_t active_guest() {
        const Reply reply = start();
        EXPECT_EQ(reply.status, Status::kSuccess);
        const auto guest = head_of<GuestNumber>(reply.payload).guest;
        EXPECT_EQ(model.status(Command::kActivate, ActivateRequest{guest, guest}), Status::kSuccess);
        return guest;
    }
    SevGuestState state(std::uint32_t guest) {
        return head_of<SevGuestStatus>(model.ask(Command::kGuestStatus, GuestNumber{guest}).payload).state;
    }
    TestModel model;
    Owner owner;
};

TEST_F(SevTest, AnOwnersLaunch) {
    const std::uint32_t guest = active_guest();
    const Bytes firmware(8192, 3), vmsa(4096, 4);
    ASSERT_EQ(model.status(Command::kLaunchUpdateData, GuestNumber{guest}, firmware), Status::kSuccess);
    ASSERT_EQ(model.status(Command::kLaunchUpdateVmsa, GuestNumber{guest}, vmsa), Status::kSuccess);
    EXPECT_EQ(state(guest), SevGuestState::kUpdate);
    const auto measured =
        head_of<Measurement>(model.ask(Command::kLaunchMeasure, GuestNumber{guest}).payload);
    EXPECT_EQ(state(guest), SevGuestState::kSecret);
    Bytes data{4, kApiMajor, kApiMinor, kBuild};
    append(data, view_of(kPolicy));
    append(data, sha256({firmware, vmsa}));
    append(data, measured.nonce);
    EXPECT_EQ(measured.mac, hmac_sha256(owner.keys.integrity, {data}));

    const Bytes secret(64, 0x5E);
    Bytes sealed = secret;
    const SecretHeader header = owner.seal(sealed, measured.mac);
    const auto give = [&](SecretHeader with, std::uint64_t address, std::uint32_t size, BytesView bytes) {
        return model.ask(Command::kLaunchSecret, SevSecretRequest{address, guest, size, with, 0}, bytes);
    };
    SecretHeader wrong = header;
    wrong.mac[0] ^= 1;
    EXPECT_EQ(give(wrong, 0x1000, 64, sealed).status, Status::kBadMeasurement);
    wrong = header;
    wrong.flags = 1;
    EXPECT_EQ(give(wrong, 0x1000, 64, sealed).status, Status::kUnsupported);
    EXPECT_EQ(give(header, 0x1001, 64, sealed).status, Status::kInvalidAddress);
    EXPECT_EQ(give(header, 0x1000, 60, BytesView{sealed}.first(60)).status, Status::kInvalidLength);
    EXPECT_EQ(give(header, 0x1000, 48, sealed).status, Status::kInvalidLength);
    EXPECT_EQ(give(header, 0x1000, 64, sealed).payload, secret);
    ASSERT_EQ(model.status(Command::kLaunchFinish, GuestNumber{guest}), Status::kSuccess);
    EXPECT_EQ(state(guest), SevGuestState::kRunning);
    EXPECT_EQ(give(header, 0x1000, 64, sealed).status, Status::kInvalidGuestState);
}

TEST_F(SevTest, CommandsInTheWrongStateAreRefused) {
    const Bytes block(16);
    const Reply reply = start();
    const GuestNumber guest = head_of<GuestNumber>(reply.payload);
    EXPECT_EQ(model.status(Command::kLaunchUpdateData, guest, block), Status::kInactive);
    EXPECT_EQ(model.status(Command::kLaunchFinish, guest), Status::kInvalidGuestState);
    ASSERT_EQ(model.status(Command::kActivate, ActivateRequest{guest.guest, 7}), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kActivate, ActivateRequest{guest.guest, 8}), Status::kActive);
    EXPECT_EQ(model.status(Command::kLaunchUpdateData, guest, BytesView{block}.first(15)),
              Status::kInvalidLength);
    EXPECT_EQ(model.status(Command::kLaunchUpdateVmsa, guest, block), Status::kInvalidLength);
    ASSERT_EQ(model.status(Command::kLaunchMeasure, guest), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kLaunchMeasure, guest), Status::kInvalidGuestState);
    EXPECT_EQ(model.status(Command::kLaunchUpdateData, guest, block), Status::kInvalidGuestState);
    EXPECT_EQ(model.status(Command::kDecommission, guest), Status::kActive);
    EXPECT_EQ(model.status(Command::kDeactivate, guest), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kDecommission, guest), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kDecommission, guest), Status::kInvalidGuest);
}

TEST_F(SevTest, StartsThatAreRefused) {
    const auto chain = head_of<PdhExport>(model.ask(Command::kPdhExport).payload);
    const SevCertificate certificate = owner.certificate();
    const SevSession session = owner.session(chain.pdh, kPolicy);
    EXPECT_EQ(start_with(certificate, session, kPolicy | 1 << 1).status,
              Status::kBadMeasurement);  // other policy
    SevSession wrong = session;
    wrong.wrap_mac[3] ^= 1;
    EXPECT_EQ(start_with(certificate, wrong, kPolicy).status, Status::kBadMeasurement);
    SevCertificate other = certificate;
    other.usage = sev_usage::kPek;
    EXPECT_EQ(start_with(other, session, kPolicy).status, Status::kInvalidCertificate);
    other = certificate;
    other.key.y[0] ^= 1;
    EXPECT_EQ(start_with(other, session, kPolicy).status, Status::kInvalidCertificate);
    other = certificate;
    other.algorithm = sev_algorithm::kEcdsaSha256;
    EXPECT_EQ(start_with(other, session, kPolicy).status, Status::kInvalidCertificate);
    const auto without_owner = [&](std::uint32_t policy, std::uint32_t handle = 0) {
        return model.status(Command::kLaunchStart, SevStartRequest{handle, policy, 0});
    };
    EXPECT_EQ(without_owner(1 << 6), Status::kPolicyFailure);
    EXPECT_EQ(without_owner(kApiMajor << 16 | (kApiMinor + 1u) << 24), Status::kPolicyFailure);
    EXPECT_EQ(without_owner(0, 99), Status::kInvalidGuest);
    EXPECT_EQ(start().status, Status::kSuccess);
    EXPECT_EQ(without_owner(0, 1), Status::kPolicyFailure);
    EXPECT_EQ(without_owner(kPolicy, 1), Status::kSuccess);
    // Another PDH is another secret.
    ASSERT_EQ(model.ask(Command::kPdhGenerate).status, Status::kSuccess);
    EXPECT_EQ(start_with(certificate, session, kPolicy).status, Status::kBadMeasurement);
}

TEST_F(SevTest, PlatformStates) {
    const auto status = [&] {
        return head_of<SevPlatformStatus>(model.ask(Command::kPlatformStatus).payload);
    };
    EXPECT_EQ(status().state, SevPlatformState::kInitialized);
    EXPECT_EQ(status().configuration, std::uint32_t{kBuild} << 24 | 1);
    EXPECT_EQ(model.status(Command::kInit, SevInitRequest{0}), Status::kInvalidPlatformState);
    EXPECT_EQ(model.ask(Command::kPlatformReset).status, Status::kInvalidPlatformState);
    ASSERT_EQ(start().status, Status::kSuccess);
    EXPECT_EQ(status().state, SevPlatformState::kWorking);
    EXPECT_EQ(model.ask(Command::kPekGenerate).status, Status::kInvalidPlatformState);
    model.ask(Command::kShutdown);
    EXPECT_EQ(status().state, SevPlatformState::kUninitialized);
    EXPECT_EQ(model.ask(Command::kPdhExport).status, Status::kInvalidPlatformState);
    ASSERT_EQ(model.status(Command::kInit, SevInitRequest{0}), Status::kSuccess);
    EXPECT_EQ(start().status, Status::kUnsupported);  // SEV-ES is off
}

TEST_F(SevTest, TheChainOfThePdh) {
    const auto chain = head_of<PdhExport>(model.ask(Command::kPdhExport).payload);
    EXPECT_TRUE(is_signed(chain.pdh, chain.pdh.first, chain.pek.key));
    EXPECT_TRUE(is_signed(chain.pek, chain.pek.first, chain.oca.key));
    EXPECT_TRUE(is_signed(chain.pek, chain.pek.second, chain.cek.key));
    EXPECT_TRUE(is_signed(chain.oca, chain.oca.first, chain.oca.key));
    EXPECT_FALSE(is_signed(chain.pdh, chain.pdh.first, chain.oca.key));
    EXPECT_EQ(chain.cek.first.usage, sev_usage::kNone);
    EXPECT_EQ(view_of(chain.cek.key).size(), 0x404u);
}

}  // namespace
}  // namespace enclavisor::sim

// SNP launches and guests' messages, as a hypervisor and a guest see them.
#include "sim/cpuid_page.hpp"
#include "sim/test_model.hpp"
#include "sim/test_vectors.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kPageAt = 0x200000;

// The digest as the ABI describes it, written out once more.
Block<48> extend(const Block<48>& digest, std::uint8_t type, BytesView contents, std::uint64_t address) {
    Bytes info{digest.begin(), digest.end()};
    if (contents.empty()) {
        info.resize(96);
    } else {
        append(info, sha384({contents}));
    }
    append(info, Bytes{0x70, 0, type, 0, 0, 0, 0, 0});
    append(info, view_of(address));
    return sha384({info});
}

template <Plain T>
T head_of(BytesView bytes) {
    return *take_front<T>(bytes);
}

Report report_in(BytesView text) {
    EXPECT_EQ(head_of<ResponseHead>(text).status, 0u);
    EXPECT_EQ(head_of<ResponseHead>(text).size, sizeof(Report));
    return head_of<Report>(text.subspan(sizeof(ResponseHead)));
}

ReportRequest ask_report(std::uint32_t level = 0, std::uint32_t key = 0) {
    ReportRequest request{};
    request.report_data.fill(0x5A);
    request.level = level;
    request.key = key;
    return request;
}

bool is_signed_by(const Report& report, const EcKey& key) {
    return verify(key.public_key(), Hash::kSha384, view_of(report).first(0x2A0), report.signature);
}

TEST(SnpLaunch, TheDigestIsThatOfTheAbi) {
    TestModel model;
    const std::uint32_t guest = model.begin_guest();
    const Bytes page(kPage, 7);
    Block<48> digest{};
    std::uint64_t at = kPageAt;
    for (const PageType type :
         {PageType::kNormal, PageType::kZero, PageType::kUnmeasured, PageType::kSecrets}) {
        ASSERT_EQ(model.add_page(guest, at, type, page, at).status, Status::kSuccess);
        digest =
            extend(digest, static_cast<std::uint8_t>(type), type == PageType::kNormal ? page : Bytes{}, at);
        at += kPage;
    }
    ASSERT_EQ(model.add_page(guest, at, PageType::kVmsa, page, kVmsaAddress).status, Status::kSuccess);
    digest = extend(digest, 2, page, kVmsaAddress);
    ASSERT_EQ(model.finish(guest), Status::kSuccess);
    EXPECT_EQ((*model->snp.find(guest).value()).identity().measurement, digest);
    EXPECT_TRUE(model->rmp.lookup(at).vmsa);
    EXPECT_TRUE(model->rmp.lookup(kPageAt).validated);
}

TEST(SnpLaunch, ALargePageIsMeasuredAs512) {
    TestModel model;
    const std::uint32_t guest = model.begin_guest();
    Bytes page(kLargePage);
    for (std::size_t i = 0; i < page.size(); i += kPage) page[i] = static_cast<std::uint8_t>(i / kPage);
    ASSERT_EQ(model.assign(kLargePage, 0, guest, true, true), HostOutcome::kDone);
    const SnpUpdateRequest request{guest, 0, SnpUpdate{kLargePage, PageType::kNormal, 1, 0, 0, 0, 0, {}}};
    ASSERT_EQ(model.status(Command::kSnpLaunchUpdate, request, page), Status::kSuccess);
    ASSERT_EQ(model.finish(guest), Status::kSuccess);
    Block<48> digest{};
    for (std::size_t i = 0; i < page.size(); i += kPage)
        digest = extend(digest, 1, BytesView{page}.subspan(i, kPage), i);
    EXPECT_EQ((*model->snp.find(guest).value()).identity().measurement, digest);
}

TEST(SnpLaunch, PagesThatAreRefused) {
    TestModel model;
    const std::uint32_t guest = model.begin_guest();
    const Bytes page(kPage);
    const auto update = [&](std::uint64_t address, std::uint8_t type, BytesView contents,
                            std::uint8_t large = 0) {
        return model.status(
            Command::kSnpLaunchUpdate,
            SnpUpdateRequest{guest, 0, {address, static_cast<PageType>(type), large, 0, 0, 0, 0, {}}},
            contents);
    };
    EXPECT_EQ(update(kPageAt, 1, page), Status::kInvalidPageState);  // unassigned
    ASSERT_EQ(model.assign(kPageAt, 0, guest), HostOutcome::kDone);
    EXPECT_EQ(update(kPageAt, 1, page), Status::kInvalidPageState);  // not held for the firmware
    ASSERT_EQ(model.assign(kPageAt, 0, guest, true), HostOutcome::kDone);
    EXPECT_EQ(update(kPageAt + 1, 1, page), Status::kInvalidAddress);
    EXPECT_EQ(update(kTestMemory, 1, page), Status::kInvalidAddress);
    EXPECT_EQ(update(kPageAt, 0, page), Status::kInvalidParam);
    EXPECT_EQ(update(kPageAt, 7, page), Status::kInvalidParam);
    EXPECT_EQ(update(kPageAt, 1, BytesView{page}.first(16)), Status::kInvalidLength);
    EXPECT_EQ(update(kPageAt, 1, Bytes(kLargePage), 1), Status::kInvalidPageSize);
    EXPECT_EQ(update(kPageAt, 2, Bytes(kLargePage), 1), Status::kInvalidPageSize);
    EXPECT_EQ(update(kPageAt, 1, page), Status::kSuccess);
    EXPECT_EQ(update(kPageAt, 1, page), Status::kInvalidPageState);  // twice
    ASSERT_EQ(model.assign(kPageAt + kPage, 0, guest + 1, true), HostOutcome::kDone);
    EXPECT_EQ(update(kPageAt + kPage, 1, page), Status::kInvalidPageOwner);
    ASSERT_EQ(model.finish(guest), Status::kSuccess);
    EXPECT_EQ(update(kPageAt, 1, page), Status::kInvalidGuestState);
    EXPECT_EQ(model.finish(guest), Status::kInvalidGuestState);
}

TEST(SnpLaunch, PoliciesThatAreRefused) {
    TestModel model;
    model.ask(Command::kSnpInit);
    const auto start = [&](std::uint64_t policy, std::uint32_t flags = 0) {
        const Reply made = model.ask(Command::kSnpContextCreate);
        const auto guest = head_of<GuestNumber>(made.payload).guest;
        return model.status(Command::kSnpLaunchStart, SnpStartRequest{guest, 0, {policy, flags, 0, {}}});
    };
    EXPECT_EQ(start(snp_policy::kSmt), Status::kInvalidParam);          // the bit that is one
    EXPECT_EQ(start(kTestPolicy | 1ull << 40), Status::kInvalidParam);  // reserved
    EXPECT_EQ(start(snp_policy::kOne), Status::kPolicyFailure);         // SMT is on
    EXPECT_EQ(start(kTestPolicy | (kApiMajor << 8 | (kApiMinor + 1))), Status::kPolicyFailure);
    EXPECT_EQ(start(kTestPolicy | snp_policy::kMigrate), Status::kPolicyFailure);
    EXPECT_EQ(start(kTestPolicy | snp_policy::kRaplOff), Status::kPolicyFailure);
    EXPECT_EQ(start(kTestPolicy | snp_policy::kCiphertextHiding), Status::kPolicyFailure);
    EXPECT_EQ(start(kTestPolicy, kStartMigration), Status::kInvalidParam);
    EXPECT_EQ(start(kTestPolicy | snp_policy::kDebug), Status::kSuccess);
}

TEST(SnpLaunch, StatesAndAsidsThatAreRefused) {
    TestModel model;
    EXPECT_EQ(model.ask(Command::kSnpContextCreate).status, Status::kInvalidPlatformState);
    model.ask(Command::kSnpInit);
    EXPECT_EQ(model.ask(Command::kSnpInit).status, Status::kInvalidPlatformState);
    const auto guest = head_of<GuestNumber>(model.ask(Command::kSnpContextCreate).payload).guest;
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{guest, 1}), Status::kInvalidGuestState);
    EXPECT_EQ(model.finish(guest), Status::kInvalidGuestState);
    EXPECT_EQ(model.finish(guest + 1), Status::kInvalidGuest);
    const SnpStartRequest start{guest, 0, {kTestPolicy, 0, 0, {}}};
    EXPECT_EQ(model.status(Command::kSnpLaunchStart, start), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpLaunchStart, start), Status::kInvalidGuestState);
    EXPECT_EQ(model.finish(guest), Status::kInactive);
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{guest, 0}), Status::kInvalidAsid);
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{guest, 2}), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{guest, 3}), Status::kActive);
    const std::uint32_t second = head_of<GuestNumber>(model.ask(Command::kSnpContextCreate).payload).guest;
    EXPECT_EQ(model.status(Command::kSnpLaunchStart, SnpStartRequest{second, 0, {kTestPolicy, 0, 0, {}}}),
              Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{second, 2}), Status::kAsidOwned);
    EXPECT_EQ(model.status(Command::kSnpDecommission, GuestNumber{guest}), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpActivate, ActivateRequest{second, 2}), Status::kSuccess);
    EXPECT_EQ(model->handle(static_cast<Command>(0xFFFF), {}).status, Status::kInvalidCommand);
}

TEST(SnpLaunch, ACpuidPageThatWeakensIsCorrectedAndRefused) {
    TestModel model;
    const std::uint32_t guest = model.begin_guest();
    abi::CpuidPage table{};
    table.count = 2;
    table.entries[0].leaf = 1;
    table.entries[1].leaf = 0x8000'001F;
    table.entries[1].ebx = 47;
    const Reply refused = model.add_page(guest, kPageAt, PageType::kCpuid, view_of(table), kPageAt);
    ASSERT_EQ(refused.status, Status::kInvalidParam);
    const auto corrected = head_of<abi::CpuidPage>(refused.payload);
    EXPECT_NE(corrected.entries[0].ecx & 1u << 30, 0u);
    EXPECT_EQ(corrected.entries[1].ebx & 0x3F, kEncryptedBit);
    const SnpUpdateRequest again{guest, 0, {kPageAt, PageType::kCpuid, 0, 0, 0, 0, 0, {}}};
    EXPECT_EQ(model.status(Command::kSnpLaunchUpdate, again, view_of(corrected)), Status::kSuccess);
    ASSERT_EQ(model.finish(guest), Status::kSuccess);
    EXPECT_EQ((*model->snp.find(guest).value()).identity().measurement, extend({}, 6, {}, kPageAt));
}

class IdBlockTest : public testing::Test {
protected:
    SnpFinish finish_with(const IdBlock& block, bool author) {
        SnpFinish finish{};
        finish.flags = kFinishIdBlock | (author ? kFinishAuthor : 0);
        finish.id_block = block;
        finish.id_auth.id_algorithm = finish.id_auth.author_algorithm = kIdAlgorithm;
        finish.id_auth.id_key = id.public_key();
        finish.id_auth.block_signature = id.sign(Hash::kSha384, view_of(block));
        finish.id_auth.author_key = signer.public_key();
        finish.id_auth.id_signature = signer.sign(Hash::kSha384, view_of(finish.id_auth.id_key));
        return finish;
    }
    // Of a guest without pages.
    IdBlock right_block() {
        IdBlock block{};
        block.family.fill(1);
        block.image.fill(2);
        block.version = 1;
        block.guest_svn = 5;
        block.policy = kTestPolicy;
        return block;
    }
    EcKey id = EcKey::generate(), signer = EcKey::generate();
    TestModel model;
};

TEST_F(IdBlockTest, WhatIsSignedComesIntoTheReport) {
    // The secrets page is what run_guest() launches.
    IdBlock block = right_block();
    block.digest = extend({}, 5, {}, 0x100000);
    auto running = model.run_guest(finish_with(block, true));
    const Report report = report_in(model.talk(running, MessageType::kReportRequest, view_of(ask_report())));
    EXPECT_EQ(report.family, block.family);
    EXPECT_EQ(report.image, block.image);
    EXPECT_EQ(report.guest_svn, 5u);
    EXPECT_EQ(report.flags, 1u);
    EXPECT_EQ(report.id_key_digest, sha384({view_of(id.public_key())}));
    EXPECT_EQ(report.author_key_digest, sha384({view_of(signer.public_key())}));
}

TEST_F(IdBlockTest, WhatIsNotRightEndsTheLaunch) {
    const std::uint32_t guest = model.begin_guest();
    IdBlock block = right_block();
    block.digest[0] = 1;
    EXPECT_EQ(model.finish(guest, finish_with(block, true)), Status::kBadMeasurement);
    block = right_block();
    block.policy |= snp_policy::kDebug;
    EXPECT_EQ(model.finish(guest, finish_with(block, true)), Status::kPolicyFailure);
    block = right_block();
    block.version = 2;
    EXPECT_EQ(model.finish(guest, finish_with(block, true)), Status::kInvalidParam);
    SnpFinish finish = finish_with(right_block(), true);
    finish.id_block.guest_svn = 9;
    EXPECT_EQ(model.finish(guest, finish), Status::kBadSignature);
    finish = finish_with(right_block(), true);
    finish.id_auth.id_signature.s[0] ^= 1;
    EXPECT_EQ(model.finish(guest, finish), Status::kBadSignature);
    finish = finish_with(right_block(), true);
    finish.id_auth.id_key.x[0] ^= 1;  // no point
    EXPECT_EQ(model.finish(guest, finish), Status::kBadSignature);
    finish = finish_with(right_block(), true);
    finish.flags = kFinishAuthor;
    EXPECT_EQ(model.finish(guest, finish), Status::kInvalidParam);
    finish.flags = 8;
    EXPECT_EQ(model.finish(guest, finish), Status::kInvalidParam);
    EXPECT_EQ(model.finish(guest, finish_with(right_block(), false)), Status::kSuccess);
    EXPECT_FALSE((*model->snp.find(guest).value()).identity().has_author);
}

template <std::size_t N>
Block<N> known(const char* hex) {
    return block_of<N>(from_hex(hex));
}

TEST_F(IdBlockTest, SignaturesOfAnotherImplementationAreAccepted) {
    SnpFinish finish{};
    finish.flags = kFinishIdBlock | kFinishAuthor;
    finish.id_block = head_of<IdBlock>(from_hex(kIdBlock));
    IdAuth& auth = finish.id_auth;
    auth.id_algorithm = auth.author_algorithm = kIdAlgorithm;
    auth.block_signature = {known<72>(kIdBlockSignatureR), known<72>(kIdBlockSignatureS), {}};
    auth.id_signature = {known<72>(kIdKeySignatureR), known<72>(kIdKeySignatureS), {}};
    auth.id_key = {kCurveP384, known<72>(kIdKeyX), known<72>(kIdKeyY), {}};
    auth.author_key = {kCurveP384, known<72>(kAuthorKeyX), known<72>(kAuthorKeyY), {}};
    // All is right but that it is for another guest.
    EXPECT_EQ(model.finish(model.begin_guest(), finish), Status::kBadMeasurement);
    auth.id_signature.r[0] ^= 1;
    EXPECT_EQ(model.finish(model.begin_guest(), finish), Status::kBadSignature);
}

TEST(SnpMessages, AReportOfEachVersion) {
    for (const std::uint32_t version : {2u, 3u, 5u}) {
        TestModel model;
        ASSERT_EQ(model.status(Command::kDescribe, DescribeRequest{version, 0, 0x25, 0x0B}),
                  Status::kSuccess);
        SnpFinish finish{};
        finish.host_data.fill(9);
        auto running = model.run_guest(finish);
        const Report report =
            report_in(model.talk(running, MessageType::kReportRequest, view_of(ask_report(3))));
        EXPECT_EQ(report.version, version);
        EXPECT_EQ(report.level, 3u);
        EXPECT_EQ(report.policy, kTestPolicy);
        EXPECT_EQ(report.report_data, ask_report().report_data);
        EXPECT_EQ(report.host_data, finish.host_data);
        EXPECT_EQ(report.measurement, extend({}, 5, {}, 0x100000));
        EXPECT_EQ(report.platform_info, 0x25u);
        EXPECT_EQ(report.family_of_cpu, version >= 3 ? 0x19 : 0);
        EXPECT_EQ(report.current_mitigations, version >= 5 ? 0x0Bu : 0u);
        EXPECT_EQ(report.chip_id, model->chip.state().id);
        EXPECT_TRUE(is_signed_by(report, model->chip.vcek(report.reported_tcb)));
    }
    TestModel model;
    for (const std::uint32_t version : {0u, 1u, 4u, 6u})
        EXPECT_EQ(model.status(Command::kDescribe, DescribeRequest{version, 0, 0, 0}), Status::kBadVersion);
}

TEST(SnpMessages, AReportThatIsNotGiven) {
    TestModel model;
    auto running = model.run_guest();
    const auto refused = [&](const ReportRequest& request, std::uint8_t key = 0) {
        return head_of<ResponseHead>(model.talk(running, MessageType::kReportRequest, view_of(request), key))
            .status;
    };
    EXPECT_EQ(refused(ask_report(4)), 0x16u);
    EXPECT_EQ(refused(ask_report(1), 2), 0x16u);
    EXPECT_EQ(refused(ask_report(2), 2), 0u);
    EXPECT_EQ(refused(ask_report(0, 3)), 0x16u);
    EXPECT_EQ(refused(ask_report(0, 2)), 0x27u);
    ReportRequest request = ask_report();
    request.reserved[0] = 1;
    EXPECT_EQ(refused(request), 0x16u);
}

TEST(SnpMessages, TheVlekSignsWhereItIsLoaded) {
    TestModel model;
    const std::uint64_t tcb = model->chip.state().reported_tcb;
    const std::string provider = "CN=cloud.example";
    const BytesView name{reinterpret_cast<const std::uint8_t*>(provider.data()), provider.size()};
    EXPECT_EQ(model.status(Command::kSnpVlekLoad, VlekRequest{tcb}), Status::kInvalidParam);
    ASSERT_EQ(model.status(Command::kSnpVlekLoad, VlekRequest{tcb}, name), Status::kSuccess);
    SnpFinish finish{};
    finish.flags = kFinishNoVcek;
    auto running = model.run_guest(finish);
    const Report report = report_in(model.talk(running, MessageType::kReportRequest, view_of(ask_report())));
    EXPECT_EQ(report.flags, 1u << 2);
    EXPECT_TRUE(all_zero(report.chip_id));
    EXPECT_TRUE(is_signed_by(report, *model->chip.vlek(tcb)));
    EXPECT_EQ(
        head_of<ResponseHead>(model.talk(running, MessageType::kReportRequest, view_of(ask_report(0, 1))))
            .status,
        0x27u);
}

TEST(SnpMessages, MaskedChips) {
    TestModel model;
    ASSERT_EQ(model.status(Command::kSnpConfig, ConfigRequest{0, 3, 0}), Status::kSuccess);
    auto running = model.run_guest();
    const Report report = report_in(model.talk(running, MessageType::kReportRequest, view_of(ask_report())));
    EXPECT_EQ(report.flags, 2u | 7u << 2);
    EXPECT_TRUE(all_zero(report.chip_id));
    EXPECT_TRUE(all_zero(view_of(report.signature)));
}

TEST(SnpMessages, VersionsOfTheTcb) {
    TestModel model;
    const std::uint64_t first = model->chip.state().current_tcb, second = first + (1ull << 56);
    EXPECT_EQ(model.status(Command::kSetTcb, SetTcbRequest{first - (1ull << 56)}), Status::kBadSvn);
    EXPECT_EQ(model.status(Command::kSetTcb, SetTcbRequest{first | 1 << 16}), Status::kInvalidParam);
    ASSERT_EQ(model.status(Command::kSetTcb, SetTcbRequest{second}), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpConfig, ConfigRequest{second, 0, 0}), Status::kInvalidParam);
    auto running = model.run_guest();
    const auto report = [&] {
        return report_in(model.talk(running, MessageType::kReportRequest, view_of(ask_report())));
    };
    Report now = report();
    EXPECT_EQ(now.current_tcb, second);
    EXPECT_EQ(now.committed_tcb, first);
    EXPECT_EQ(now.reported_tcb, first);
    model.ask(Command::kSnpCommit);
    now = report();
    EXPECT_EQ(now.committed_tcb, second);
    EXPECT_TRUE(is_signed_by(now, model->chip.vcek(second)));
    EXPECT_FALSE(is_signed_by(now, model->chip.vcek(first)));
    ASSERT_EQ(model.status(Command::kSnpConfig, ConfigRequest{first, 0, 0}), Status::kSuccess);
    now = report();
    EXPECT_EQ(now.reported_tcb, first);
    EXPECT_TRUE(is_signed_by(now, model->chip.vcek(first)));
    EXPECT_EQ(model.status(Command::kSetTcb, SetTcbRequest{first}), Status::kBadSvn);
}

TEST(SnpMessages, KeysDependOnWhatIsSelected) {
    TestModel model;
    auto one = model.run_guest();
    SnpFinish finish{};
    auto other = model.run_guest(finish, {kTestPolicy | snp_policy::kDebug, 0, 0, {}});
    const auto key = [&](TestModel::Running& guest, KeyRequest request) {
        const Bytes text = model.talk(guest, MessageType::kKeyRequest, view_of(request));
        EXPECT_EQ(text.size(), 64u);
        EXPECT_EQ(head_of<ResponseHead>(text).status, 0u);
        return block_of<32>(BytesView{text}.subspan(32));
    };
    const KeyRequest none{0, 0, 0, 0, 0, 0};
    EXPECT_EQ(key(one, none), key(one, none));
    EXPECT_EQ(key(one, none), key(other, none));  // nothing of the guest is in it
    const KeyRequest policy{0, 0, key_field::kPolicy, 0, 0, 0};
    EXPECT_EQ(key(one, policy), key(one, policy));
    EXPECT_NE(key(one, policy), key(other, policy));
    EXPECT_NE(key(one, policy), key(one, none));
    const KeyRequest measurement{0, 0, key_field::kMeasurement, 0, 0, 0};
    EXPECT_NE(key(one, measurement), key(other, measurement));
    KeyRequest level = none;
    level.level = 1;
    EXPECT_NE(key(one, level), key(one, none));
    const KeyRequest root{1, 0, 0, 0, 0, 0};
    EXPECT_NE(key(one, root), key(other, root));
    // The TCB counts only where it is selected.
    const std::uint64_t tcb = model->chip.state().committed_tcb;
    EXPECT_EQ(key(one, {0, 0, 0, 0, 0, tcb}), key(one, none));
    EXPECT_NE(key(one, {0, 0, key_field::kTcb, 0, 0, tcb}), key(one, {0, 0, key_field::kTcb, 0, 0, 0}));
}

TEST(SnpMessages, KeysThatAreNotGiven) {
    TestModel model;
    auto running = model.run_guest();
    const auto status = [&](KeyRequest request, std::uint8_t key = 0) {
        return head_of<ResponseHead>(model.talk(running, MessageType::kKeyRequest, view_of(request), key))
            .status;
    };
    EXPECT_EQ(status({8, 0, 0, 0, 0, 0}), 0x16u);
    EXPECT_EQ(status({0, 1, 0, 0, 0, 0}), 0x16u);
    EXPECT_EQ(status({0, 0, key_field::kMitigations, 0, 0, 0}), 0x16u);  // only in version 2
    EXPECT_EQ(status({0, 0, 0, 4, 0, 0}), 0x16u);
    EXPECT_EQ(status({0, 0, 0, 0, 0, 0}, 1), 0x16u);  // level 0 for whom has the key of level 1
    EXPECT_EQ(status({0, 0, 0, 0, 1, 0}), 0x16u);
    EXPECT_EQ(status({0, 0, 0, 0, 0, model->chip.state().committed_tcb + 1}), 0x16u);
    EXPECT_EQ(status({2 << 1, 0, 0, 0, 0, 0}), 0x27u);
    Bytes newer = bytes_of(KeyRequest{0, 0, key_field::kMitigations, 0, 0, 0});
    append(newer, view_of(std::uint64_t{0x0B}));
    EXPECT_EQ(head_of<ResponseHead>(model.talk(running, MessageType::kKeyRequest, newer, 0, 2)).status, 0u);
}

TEST(SnpMessages, TheClock) {
    TestModel model;
    auto running = model.run_guest({}, {kTestPolicy, 0, kPlatformTscKhz / 2, {}});
    auto response = head_of<TscResponse>(model.talk(running, MessageType::kTscRequest, Bytes(128)));
    EXPECT_EQ(response.status, 0u);
    EXPECT_EQ(response.scale, 1ull << 31);
    auto without = model.run_guest();
    response = head_of<TscResponse>(model.talk(without, MessageType::kTscRequest, Bytes(128)));
    EXPECT_EQ(response.status, 0x16u);
}

TEST(SnpMessages, MessagesThatAreRefusedChangeNothing) {
    TestModel model;
    auto running = model.run_guest();
    const Message message{5, 1, 0, bytes_of(ask_report())};
    const auto good = seal(message, running.keys[0], 1);
    const auto send = [&](const Block<kMessagePage>& page) {
        return model.status(Command::kSnpGuestRequest, GuestMessageRequest{running.guest, 0, page});
    };
    const auto with = [&](std::size_t offset, std::uint8_t value) {
        auto page = good;
        page[offset] ^= value;
        return send(page);
    };
    EXPECT_EQ(with(0x00, 1), Status::kBadMeasurement);
    EXPECT_EQ(with(0x10, 1), Status::kInvalidParam);
    EXPECT_EQ(with(0x20, 3), Status::kAeadOverflow);  // 2
    EXPECT_EQ(with(0x28, 1), Status::kInvalidParam);
    EXPECT_EQ(with(0x30, 3), Status::kInvalidParam);
    EXPECT_EQ(with(0x31, 2), Status::kInvalidParam);
    EXPECT_EQ(with(0x32, 1), Status::kInvalidParam);
    EXPECT_EQ(with(0x34, 1), Status::kBadMeasurement);
    EXPECT_EQ(with(0x35, 2), Status::kBadMeasurement);
    EXPECT_EQ(with(0x36, 1), Status::kBadMeasurement);
    EXPECT_EQ(with(0x37, 0xFF), Status::kInvalidLength);
    EXPECT_EQ(with(0x38, 1), Status::kInvalidParam);
    EXPECT_EQ(with(0x3C, 1), Status::kBadMeasurement);  // under another key
    EXPECT_EQ(with(0x3C, 4), Status::kInvalidParam);
    EXPECT_EQ(with(0x3D, 1), Status::kInvalidParam);
    EXPECT_EQ(with(0x60, 1), Status::kBadMeasurement);
    EXPECT_EQ(send(seal({1, 1, 0, {}}, running.keys[0], 1)), Status::kInvalidParam);  // no such request
    EXPECT_EQ(send(seal({5, 2, 0, message.text}, running.keys[0], 1)), Status::kBadVersion);
    EXPECT_EQ(send(seal({5, 1, 0, Bytes(0x61)}, running.keys[0], 1)), Status::kInvalidLength);
    EXPECT_EQ(send(seal(message, running.keys[0], 0)), Status::kAeadOverflow);
    EXPECT_EQ(send(seal(message, running.keys[0], 2)), Status::kAeadOverflow);
    EXPECT_EQ(send(good), Status::kSuccess);
    EXPECT_EQ(send(good), Status::kAeadOverflow);  // replayed
    EXPECT_EQ(send(seal(message, running.keys[0], 2)), Status::kAeadOverflow);
    EXPECT_EQ(send(seal(message, running.keys[0], 3)), Status::kSuccess);
    EXPECT_EQ(model.status(Command::kSnpGuestRequest, GuestMessageRequest{model.begin_guest(), 0, good}),
              Status::kInvalidGuestState);
}

}  // namespace
}  // namespace enclavisor::sim

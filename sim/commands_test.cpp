// Memory as a hypervisor and a guest ask for it over the socket, and requests that are none.
#include "sim/test_model.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kSystem = 0x3000, kGuest = 0x7000;

template <Plain T>
T head_of(BytesView bytes) {
    return *take_front<T>(bytes);
}

class CommandsTest : public testing::Test {
protected:
    HostOutcome change(std::uint16_t operation, std::uint32_t asid = 1, std::uint16_t large = 0,
                       std::uint64_t system = kSystem, std::uint64_t guest = kGuest) {
        const PageStateRequest request{system, guest, asid, operation, large};
        return head_of<HostReply>(model.ask(Command::kPageStateChange, request).payload).outcome;
    }
    GuestReply validate(std::uint32_t validate) {
        const PvalidateRequest request{{1, 0, kGuest, kSystem, 0, 0}, 0, validate};
        return head_of<GuestReply>(model.ask(Command::kPvalidate, request).payload);
    }
    GuestReply access(Access kind, std::uint32_t is_private, std::uint32_t level = 0) {
        const AccessRequest request{{1, level, kGuest, kSystem, 0, 0}, kind, is_private};
        return head_of<GuestReply>(model.ask(Command::kAccess, request).payload);
    }
    RmpReadReply read() {
        return head_of<RmpReadReply>(model.ask(Command::kRmpRead, SystemPage{kSystem}).payload);
    }
    TestModel model;
};

TEST_F(CommandsTest, APageBecomesPrivateAndSharedAgain) {
    EXPECT_EQ(access(Access::kWrite, 0).end, GuestEnd::kDone);
    ASSERT_EQ(change(1), HostOutcome::kDone);
    EXPECT_EQ(access(Access::kRead, 1).end, GuestEnd::kVmmCommunication);
    EXPECT_EQ(validate(1).unchanged, 0u);
    EXPECT_EQ(read().flags, 9u);
    EXPECT_EQ(read().guest_address, kGuest);
    EXPECT_EQ(access(Access::kWrite, 1).end, GuestEnd::kDone);
    EXPECT_EQ(access(Access::kWrite, 0).end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(validate(0).unchanged, 0u);
    ASSERT_EQ(change(2), HostOutcome::kDone);
    EXPECT_EQ(read().flags, 0u);
    EXPECT_EQ(access(Access::kWrite, 0).end, GuestEnd::kDone);
    EXPECT_EQ(access(Access::kRead, 1).end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(validate(1).end, GuestEnd::kNestedPageFault);
}

TEST_F(CommandsTest, PageStateChangesThatAreRefused) {
    ASSERT_EQ(change(1), HostOutcome::kDone);
    EXPECT_EQ(change(1, 2), HostOutcome::kFailPermission);
    EXPECT_EQ(change(2, 2), HostOutcome::kFailPermission);
    EXPECT_EQ(change(0), HostOutcome::kFailInput);
    EXPECT_EQ(change(5), HostOutcome::kFailInput);
    EXPECT_EQ(change(3), HostOutcome::kFailInput);
    EXPECT_EQ(change(4), HostOutcome::kFailInput);
    EXPECT_EQ(change(1, 1, 1, 0, 0), HostOutcome::kFailOverlap);
    EXPECT_EQ(change(1, 1, 0, kTestMemory), HostOutcome::kFailInput);
}

TEST_F(CommandsTest, LargePagesAreSplitAndJoined) {
    ASSERT_EQ(change(1, 1, 1, kLargePage, kLargePage), HostOutcome::kDone);
    ASSERT_EQ(change(3, 1, 1, kLargePage, kLargePage), HostOutcome::kDone);
    EXPECT_EQ(change(2, 1, 0, kLargePage + kPage), HostOutcome::kDone);
    EXPECT_EQ(change(4, 1, 1, kLargePage, kLargePage), HostOutcome::kFailInput);  // a hole
    EXPECT_EQ(change(1, 1, 0, kLargePage + kPage, kLargePage + kPage), HostOutcome::kDone);
    EXPECT_EQ(change(4, 1, 1, kLargePage, kLargePage), HostOutcome::kDone);
}

TEST_F(CommandsTest, RightsOfOtherLevels) {
    ASSERT_EQ(change(1), HostOutcome::kDone);
    validate(1);
    const auto adjust = [&](std::uint32_t target, std::uint32_t rights) {
        const RmpAdjustRequest request{{1, 0, kGuest, kSystem, 0, 0}, 0, target, rights, 0};
        return head_of<GuestReply>(model.ask(Command::kRmpAdjust, request).payload).code;
    };
    EXPECT_EQ(access(Access::kRead, 1, 2).end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(adjust(2, kMayRead), GuestCode::kSuccess);
    EXPECT_EQ(access(Access::kRead, 1, 2).end, GuestEnd::kDone);
    EXPECT_EQ(adjust(2, 0x101), GuestCode::kFailInput);
    EXPECT_EQ(adjust(0xFFFF'FFFF, kMayRead), GuestCode::kFailInput);
    EXPECT_EQ(access(Access::kRead, 1, 9).end, GuestEnd::kNestedPageFault);
}

TEST_F(CommandsTest, RequestsOfAnotherLengthAreRefused) {
    for (const Command command :
         {Command::kInit, Command::kActivate, Command::kLaunchStart, Command::kSnpActivate,
          Command::kSnpLaunchStart, Command::kSnpLaunchUpdate, Command::kSnpLaunchFinish,
          Command::kSnpGuestRequest, Command::kExtendedRequest, Command::kSnpConfig, Command::kRmpUpdate,
          Command::kPageStateChange, Command::kPvalidate, Command::kRmpAdjust, Command::kAccess,
          Command::kCertificate, Command::kSetTcb, Command::kRevoke}) {
        EXPECT_EQ(model->handle(command, {}).status, Status::kInvalidLength);
        EXPECT_EQ(model->handle(command, Bytes(3)).status, Status::kInvalidLength);
    }
    EXPECT_EQ(model->handle(Command::kSetTcb, Bytes(9)).status, Status::kInvalidLength);
    EXPECT_EQ(model.status(Command::kAccess, AccessRequest{{}, static_cast<Access>(4), 0}),
              Status::kInvalidParam);
    EXPECT_EQ(model.status(Command::kRmpUpdate, RmpUpdateRequest{0, 0, 0, 8}), Status::kInvalidParam);
    EXPECT_EQ(model.status(Command::kCertificate, CertificateRequest{static_cast<CertificateKind>(9), 0, 0}),
              Status::kInvalidParam);
}

}  // namespace
}  // namespace enclavisor::sim

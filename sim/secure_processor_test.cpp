// The attestation enclave's requests (attest/secure_processor.hpp) to the model, carried by hypervisors that
// drop, repeat, change and delay them.
#include "attest/secure_processor.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "abi/platform/ghcb.hpp"
#include "sim/test_model.hpp"

namespace enclavisor::sim {
namespace {

using attest::MessagePage;
using attest::SecureProcessor;
using M = abi::MessageRefusal;

constexpr std::uint64_t kSaysBusy = std::uint64_t{abi::kRequestBusy} << 32;

enum class Deed { kHonest, kBusy, kBusyButDelivered, kDropped, kEarlier, kChanged, kError, kHostError };
constexpr int kDeeds = 8;

class SecureProcessorTest : public testing::Test {
protected:
    SecureProcessorTest() : running_{model_.run_guest()} { current = this; }
    ~SecureProcessorTest() override { current = nullptr; }

    // Carries one page: what it does is the next deed, and when there is none, honest.
    std::uint64_t carry(MessagePage& page) {
        carried_++;
        const auto bytes = block_of<kMessagePage>(BytesView{page.bytes, sizeof(page.bytes)});
        const auto number = reinterpret_cast<const abi::GuestMessageHeader*>(page.bytes)->sequence;
        // Under AES-GCM a number stands for one text.
        EXPECT_EQ(sent_.emplace(number, bytes).first->second, bytes) << "number " << number;
        const Deed deed = deeds_.empty() ? Deed::kHonest : deeds_.front();
        if (!deeds_.empty()) deeds_.erase(deeds_.begin());
        if (deed == Deed::kBusy) return kSaysBusy;
        if (deed == Deed::kDropped) return 0;
        if (deed == Deed::kHostError) return 0x77ull << 32;
        const Reply reply =
            model_.ask(Command::kSnpGuestRequest, GuestMessageRequest{running_.guest, 0, bytes});
        if (reply.status != Status::kSuccess) return static_cast<std::uint64_t>(reply.status);
        if (deed == Deed::kBusyButDelivered) return kSaysBusy;
        if (deed == Deed::kError) return 0x1d;
        Bytes answer = deed == Deed::kEarlier ? earlier_ : reply.payload;
        earlier_ = reply.payload;
        answer.resize(kMessagePage);
        if (deed == Deed::kChanged)
            answer[random_() % 0x560] ^= static_cast<std::uint8_t>(1 << random_() % 8);
        std::ranges::copy(answer, page.bytes);
        return 0;
    }

    static SecureProcessor without_key() {
        return {[](MessagePage& page) { return current->carry(page); }, [] { current->pauses_++; }};
    }
    SecureProcessor processor() {
        SecureProcessor made = without_key();
        abi::PlatformKey key{};
        std::ranges::copy(running_.keys[0], key.key);
        made.begin(key);
        return made;
    }
    // Of data that is different each time; what comes is checked.
    SecureProcessor::Outcome ask(SecureProcessor& processor, std::uint32_t vmpl = abi::kHostReportVmpl) {
        Block<64> data;
        for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random_());
        MessagePage page;
        std::memset(page.bytes, 0xee, sizeof(page.bytes));
        const auto outcome = processor.report(data, vmpl, page);
        BytesView rest{page.bytes, sizeof(page.bytes)};
        const Report report = *take_front<Report>(rest);
        if (outcome.refusal == M::kNone) {
            EXPECT_EQ(report.report_data, data);
            EXPECT_EQ(report.level, vmpl);
        } else {
            EXPECT_TRUE(all_zero(view_of(report)));
        }
        EXPECT_TRUE(all_zero(rest));
        return outcome;
    }

    TestModel model_;
    TestModel::Running running_;
    std::vector<Deed> deeds_;
    std::map<std::uint64_t, Block<kMessagePage>> sent_;
    Bytes earlier_;
    int carried_ = 0, pauses_ = 0;
    std::mt19937 random_{7};
    static SecureProcessorTest* current;
};
SecureProcessorTest* SecureProcessorTest::current = nullptr;

TEST_F(SecureProcessorTest, ReportsAreMadeOneAfterAnother) {
    SecureProcessor asked = processor();
    for (int i = 0; i < 20; i++) EXPECT_EQ(ask(asked).refusal, M::kNone);
    EXPECT_EQ(sent_.size(), 20u);
    EXPECT_EQ(pauses_, 0);
}

TEST_F(SecureProcessorTest, WhoIsBusyIsAskedAgainWithTheSameBytes) {
    SecureProcessor asked = processor();
    for (const int times : {1, 5, SecureProcessor::kMostAttempts - 1}) {
        deeds_.assign(static_cast<std::size_t>(times), Deed::kBusy);
        pauses_ = 0;
        EXPECT_EQ(ask(asked).refusal, M::kNone);
        EXPECT_EQ(pauses_, times);
    }
    EXPECT_EQ(sent_.size(), 3u);
}

TEST_F(SecureProcessorTest, WhoIsAlwaysBusyIsGivenUp) {
    SecureProcessor asked = processor();
    deeds_.assign(1000, Deed::kBusy);
    EXPECT_EQ(ask(asked).refusal, M::kBusy);
    EXPECT_EQ(carried_, SecureProcessor::kMostAttempts);
    deeds_.clear();
    const auto later = ask(asked);
    EXPECT_EQ(later.refusal, M::kClosed);
    EXPECT_EQ(later.detail, static_cast<std::uint64_t>(M::kBusy));
    EXPECT_EQ(carried_, SecureProcessor::kMostAttempts);
}

// The secure processor has had the message although the hypervisor says that it was busy.
TEST_F(SecureProcessorTest, AMessageThatWasDeliveredTwiceEndsIt) {
    SecureProcessor asked = processor();
    deeds_ = {Deed::kBusyButDelivered};
    const auto outcome = ask(asked);
    EXPECT_EQ(outcome.refusal, M::kError);
    EXPECT_EQ(outcome.detail, static_cast<std::uint64_t>(Status::kAeadOverflow));
    EXPECT_EQ(ask(asked).refusal, M::kClosed);
}

// What is no failure on the way does not end it.
TEST_F(SecureProcessorTest, ANoOfTheSecureProcessorIsAnAnswer) {
    SecureProcessor asked = processor();
    const auto outcome = ask(asked, kLevels);
    EXPECT_EQ(outcome.refusal, M::kStatus);
    EXPECT_EQ(outcome.detail, static_cast<std::uint64_t>(Status::kInvalidParam));
    EXPECT_EQ(ask(asked).refusal, M::kNone);
}

TEST_F(SecureProcessorTest, WithoutAKeyNothingGoesOut) {
    SecureProcessor asked = without_key();
    EXPECT_FALSE(asked.begun());
    EXPECT_EQ(ask(asked).refusal, M::kClosed);
    EXPECT_EQ(carried_, 0);
}

// Any deeds in any order: no number for two texts, no report but the one that was asked for, and after a
// failure nothing at all.
TEST_F(SecureProcessorTest, WhateverTheHypervisorDoes) {
    std::map<M, int> seen;
    for (int round = 0; round < 300; round++) {
        model_.ask(Command::kSnpDecommission, GuestNumber{running_.guest});
        running_ = model_.run_guest();
        sent_.clear();
        SecureProcessor asked = processor();
        deeds_.clear();
        for (int i = 0; i < 12; i++)
            deeds_.push_back(random_() % 2 ? Deed::kHonest : static_cast<Deed>(random_() % kDeeds));
        for (int i = 0; i < 8; i++) {
            const int before = carried_;
            const M refusal = ask(asked).refusal;
            seen[refusal]++;
            if (refusal == M::kNone) continue;
            EXPECT_NE(refusal, M::kClosed) << "the first refusal has a name";
            EXPECT_GT(carried_, before);
            for (int more = 0; more < 3; more++) {
                const int then = carried_;
                EXPECT_EQ(ask(asked).refusal, M::kClosed);
                EXPECT_EQ(carried_, then);
            }
            break;
        }
    }
    for (const M refusal : {M::kNone, M::kSequence, M::kTag, M::kHeader, M::kError})
        EXPECT_GT(seen[refusal], 0) << static_cast<int>(refusal);
}

}  // namespace
}  // namespace enclavisor::sim

// The guest's side of messages (attest/guest_messages.hpp) against the model's, which has another
// cryptography; and hypervisors that carry something else.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "attest/guest_messages.hpp"
#include "sim/guest_message.hpp"
#include "sim/guest_request.hpp"

namespace enclavisor::sim {

void run_lying_hypervisor(BytesView bytes);  // guest_side_fuzz.cpp

namespace {

using attest::GuestMessages;
using attest::MessagePage;
using attest::MessageRefusal;

constexpr std::uint8_t kKey = 0;

Block<32> key() {
    Block<32> bytes;
    for (std::size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<std::uint8_t>(7 * i + 1);
    return bytes;
}

Bytes text(std::size_t size, std::uint8_t seed = 3) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; i++) bytes[i] = static_cast<std::uint8_t>(seed * i + seed);
    return bytes;
}

// A guest, and a firmware that counts as the model does.
class GuestSide : public testing::Test {
protected:
    GuestSide() {
        const Block<32> k = key();
        guest.begin(k, kKey);
        keys[kKey] = k;
    }

    MessagePage ask(const Bytes& request,
                    abi::GuestMessageType type = abi::GuestMessageType::kReportRequest) {
        MessagePage page;
        EXPECT_EQ(guest.seal(type, request, page), MessageRefusal::kNone);
        return page;
    }
    // What the firmware makes of it.
    MessagePage serve(const MessagePage& page, const Bytes& answer) {
        Block<kMessagePage> request;
        std::memcpy(request.data(), page.bytes, sizeof(page.bytes));
        const auto opened = open(request, keys, counts);
        EXPECT_TRUE(opened.ok());
        if (opened.ok()) last = opened.value();
        const auto response =
            seal({static_cast<std::uint8_t>(last.type + 1), 1, kKey, answer}, keys[kKey], counts[kKey] + 2);
        counts[kKey] += 2;
        MessagePage out;
        std::memcpy(out.bytes, response.data(), sizeof(out.bytes));
        return out;
    }
    MessageRefusal take(MessagePage page, Bytes& answer) {
        std::size_t size = 0;
        answer.assign(4000, 0);
        const MessageRefusal refusal = guest.open(page, answer, size);
        answer.resize(size);
        return refusal;
    }

    GuestMessages guest;
    std::array<Block<32>, kMessageKeys> keys{};
    std::array<std::uint64_t, kMessageKeys> counts{};
    Message last;
};

TEST_F(GuestSide, TheFirmwareReadsWhatTheGuestWroteAndBack) {
    for (const std::size_t size : {0u, 1u, 15u, 16u, 96u, 1184u, 4000u}) {
        const Bytes request = text(size), answer = text(4000 - size, 5);
        const MessagePage page = serve(ask(request), answer);
        EXPECT_EQ(last.text, request);
        EXPECT_EQ(last.type, 5);
        Bytes got;
        ASSERT_EQ(take(page, got), MessageRefusal::kNone);
        EXPECT_EQ(got, answer);
    }
}

TEST_F(GuestSide, TheSameBytesGoOutUntilThereIsAnAnswer) {
    MessagePage page = ask(text(96)), other;
    EXPECT_EQ(guest.seal(abi::GuestMessageType::kReportRequest, text(96, 9), other), MessageRefusal::kOrder);
    Bytes got;
    EXPECT_EQ(take(serve(page, text(10)), got), MessageRefusal::kNone);
}

TEST_F(GuestSide, WhatFitsNoPageIsRefused) {
    MessagePage page;
    EXPECT_EQ(guest.seal(abi::GuestMessageType::kReportRequest, text(abi::kGuestMessageMost + 1), page),
              MessageRefusal::kTooLarge);
    EXPECT_FALSE(guest.closed());
}

TEST_F(GuestSide, NumbersThatRunOutAreNotUsedAgain) {
    guest.begin(key(), kKey, ~0ull - 1);
    MessagePage page;
    EXPECT_EQ(guest.seal(abi::GuestMessageType::kReportRequest, text(4), page), MessageRefusal::kClosed);
    EXPECT_TRUE(guest.closed());
}

struct Lie {
    const char* name;
    std::function<void(MessagePage& answer, const MessagePage& request, const MessagePage& earlier)> tell;
    MessageRefusal refusal;
};

abi::GuestMessageHeader& header(MessagePage& page) {
    return *reinterpret_cast<abi::GuestMessageHeader*>(page.bytes);
}

const Lie kLies[] = {
    {"an earlier answer again", [](auto& a, auto&, auto& earlier) { a = earlier; },
     MessageRefusal::kSequence},
    {"the request itself", [](auto& a, auto& request, auto&) { a = request; }, MessageRefusal::kSequence},
    {"the request with the answer's number",
     [](auto& a, auto& request, auto&) {
         const auto number = header(a).sequence;
         a = request;
         header(a).sequence = number;
     },
     MessageRefusal::kHeader},
    {"an earlier answer with the right number",
     [](auto& a, auto&, auto& earlier) {
         const auto number = header(a).sequence;
         a = earlier;
         header(a).sequence = number;
     },
     MessageRefusal::kTag},
    {"a later number", [](auto& a, auto&, auto&) { header(a).sequence += 2; }, MessageRefusal::kSequence},
    {"number 0", [](auto& a, auto&, auto&) { header(a).sequence = 0; }, MessageRefusal::kSequence},
    {"another algorithm", [](auto& a, auto&, auto&) { header(a).algorithm = 0; }, MessageRefusal::kHeader},
    {"another header version", [](auto& a, auto&, auto&) { header(a).header_version = 2; },
     MessageRefusal::kHeader},
    {"another header size", [](auto& a, auto&, auto&) { header(a).header_size = 0x50; },
     MessageRefusal::kHeader},
    {"an answer to something else", [](auto& a, auto&, auto&) { header(a).type = 4; },
     MessageRefusal::kHeader},
    {"a request's type", [](auto& a, auto&, auto&) { header(a).type = 5; }, MessageRefusal::kHeader},
    {"another message version", [](auto& a, auto&, auto&) { header(a).message_version = 2; },
     MessageRefusal::kHeader},
    {"a size past the page", [](auto& a, auto&, auto&) { header(a).size = 4001; }, MessageRefusal::kHeader},
    {"the largest size", [](auto& a, auto&, auto&) { header(a).size = 0xffff; }, MessageRefusal::kHeader},
    {"a smaller size", [](auto& a, auto&, auto&) { header(a).size -= 1; }, MessageRefusal::kTag},
    {"no text", [](auto& a, auto&, auto&) { header(a).size = 0; }, MessageRefusal::kTag},
    {"another key's number", [](auto& a, auto&, auto&) { header(a).key = 1; }, MessageRefusal::kHeader},
    {"a bit of the tag", [](auto& a, auto&, auto&) { a.bytes[3] ^= 0x10; }, MessageRefusal::kTag},
    {"a tag of zeros", [](auto& a, auto&, auto&) { std::memset(a.bytes, 0, 16); }, MessageRefusal::kTag},
    {"a bit of the text", [](auto& a, auto&, auto&) { a.bytes[0x60] ^= 1; }, MessageRefusal::kTag},
    {"a bit of the text's end", [](auto& a, auto&, auto&) { a.bytes[0x60 + 1183] ^= 0x80; },
     MessageRefusal::kTag},
    {"reserved bytes that are authenticated", [](auto& a, auto&, auto&) { header(a).reserved_3d[9] = 1; },
     MessageRefusal::kTag},
    {"a page of zeros", [](auto& a, auto&, auto&) { std::memset(a.bytes, 0, sizeof(a.bytes)); },
     MessageRefusal::kSequence},
    {"a page of ones", [](auto& a, auto&, auto&) { std::memset(a.bytes, 0xff, sizeof(a.bytes)); },
     MessageRefusal::kSequence},
    {"sealed under another key",
     [](auto& a, auto&, auto&) {
         const auto sealed = seal({6, 1, kKey, text(1184)}, Block<32>{}, header(a).sequence);
         std::memcpy(a.bytes, sealed.data(), sizeof(a.bytes));
     },
     MessageRefusal::kTag},
};

TEST_F(GuestSide, EachLieIsRefusedByNameAndEndsTheConversation) {
    for (const Lie& lie : kLies) {
        SCOPED_TRACE(lie.name);
        guest.begin(key(), kKey);
        counts = {};
        const MessagePage earlier = serve(ask(text(96)), text(1184));
        Bytes got;
        ASSERT_EQ(take(earlier, got), MessageRefusal::kNone);
        const MessagePage request = ask(text(96, 4));
        MessagePage answer = serve(request, text(1184, 6));
        const MessagePage truth = answer;
        lie.tell(answer, request, earlier);
        EXPECT_EQ(take(answer, got), lie.refusal);
        EXPECT_TRUE(got.empty());
        // Not even the truth is heard after it, and no number is used again.
        EXPECT_EQ(take(truth, got), MessageRefusal::kClosed);
        MessagePage page;
        EXPECT_EQ(guest.seal(abi::GuestMessageType::kReportRequest, text(4), page), MessageRefusal::kClosed);
    }
}

TEST_F(GuestSide, AnAnswerToNothingEndsTheConversation) {
    MessagePage page{};
    Bytes got;
    EXPECT_EQ(take(page, got), MessageRefusal::kOrder);
    EXPECT_EQ(guest.seal(abi::GuestMessageType::kReportRequest, {}, page), MessageRefusal::kClosed);
}

// Why a number is used once: two texts under one give away what they differ in.
TEST_F(GuestSide, ANumberThatIsUsedTwiceShowsTheTexts) {
    const Bytes one = text(96), other = text(96, 9);
    const MessagePage first = ask(one);
    guest.begin(key(), kKey);
    const MessagePage second = ask(other);
    for (std::size_t i = 0; i < one.size(); i++)
        EXPECT_EQ(first.bytes[0x60 + i] ^ second.bytes[0x60 + i], one[i] ^ other[i]);
}

// A short form of guest_side_fuzz: the same conversations from a pseudo-random source.
TEST(LyingHypervisors, AreBelievedTheTruthAlone) {
    std::mt19937_64 random{20262};
    for (int run = 0; run < 1000; run++) {
        Bytes bytes(300);
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        run_lying_hypervisor(bytes);
    }
}

}  // namespace
}  // namespace enclavisor::sim

#include "base/call_ring.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/call_codec.hpp"

namespace enclavisor::base {
namespace {

class CallRing : public testing::Test {
protected:
    alignas(64) std::byte slot_[abi::kPageSize]{};
    CallMemory memory_ = calls_in(slot_, 1);
    CallSender sender_{memory_};
    CallReceiver receiver_{memory_};
    abi::CallSlot& header() { return *reinterpret_cast<abi::CallSlot*>(slot_); }

    CallReceiver::Request take() {
        CallReceiver::Request request{};
        EXPECT_EQ(receiver_.look(request), Look::kFound);
        return request;
    }
    CallSender::Done done() {
        CallSender::Done result{};
        EXPECT_EQ(sender_.look(result), Look::kFound);
        return result;
    }
};

TEST_F(CallRing, CallsComeBackInAnyOrder) {
    for (std::uint32_t i = 0; i < abi::kCallDepth; i++) {
        const auto ticket = sender_.reserve(16);
        ASSERT_TRUE(ticket);
        sender_.buffer(*ticket)[0] = std::byte(i);
        sender_.submit(*ticket, 100 + i, 1);
    }
    EXPECT_FALSE(sender_.reserve(16)) << "the ring is full";
    std::vector<CallReceiver::Request> requests;
    for (std::uint32_t i = 0; i < abi::kCallDepth; i++) {
        requests.push_back(take());
        EXPECT_EQ(requests.back().function, 100 + i);
        EXPECT_EQ(requests.back().arguments.size(), 1u);
        EXPECT_EQ(requests.back().arguments[0], std::byte(i));
        requests.back().buffer[0] = std::byte(50 + i);
    }
    while (!requests.empty()) {
        receiver_.complete(requests.back().id, abi::CallStatus::kOk, 1);
        requests.pop_back();
    }
    for (std::uint32_t i = abi::kCallDepth; i-- > 0;) {
        const auto answer = done();
        std::byte byte{};
        sender_.copy_result(answer.ticket, {&byte, 1});
        EXPECT_EQ(byte, std::byte(50 + i));
        sender_.release(answer.ticket);
    }
    EXPECT_EQ(sender_.under_way(), 0u);
    EXPECT_EQ(receiver_.under_way(), 0u);
    EXPECT_TRUE(sender_.reserve(1536)) << "all room is back";
}

TEST_F(CallRing, BuffersNeverOverlap) {
    std::mt19937 random{3};
    std::vector<CallSender::Ticket> live;
    for (int i = 0; i < 100'000; i++) {
        if (!live.empty() && random() % 2 == 0) {
            const std::size_t at = random() % live.size();
            sender_.release(live[at]);
            live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
            continue;
        }
        const auto ticket = sender_.reserve(random() % 3 == 0 ? random() % 1600 : random() % 300);
        if (!ticket) continue;
        const auto mine = sender_.buffer(*ticket);
        ASSERT_GE(mine.data(), memory_.area);
        ASSERT_LE(mine.data() + mine.size(), memory_.area + memory_.area_size);
        for (const auto other : live) {
            const auto theirs = sender_.buffer(other);
            ASSERT_TRUE(mine.empty() || theirs.empty() || mine.data() + mine.size() <= theirs.data() ||
                        theirs.data() + theirs.size() <= mine.data());
        }
        live.push_back(*ticket);
    }
}

TEST_F(CallRing, ASenderFindsOutALyingCallee) {
    const auto ticket = sender_.reserve(32);
    sender_.submit(*ticket, 1, 0);
    CallSender::Done result{};
    EXPECT_EQ(sender_.look(result), Look::kNothing);
    const abi::CallCompletion honest{1, header().in.entries[0].id, 0, 32};
    const auto look = [&](abi::CallCompletion completion) {
        CallSender fresh = sender_;
        header().in.completions[0] = completion;
        return fresh.look(result);
    };
    EXPECT_EQ(look(honest), Look::kFound);
    for (const std::uint32_t turn : {0u, 2u, 9u, ~0u}) {
        EXPECT_EQ(look({turn, honest.id, 0, 32}), Look::kNothing) << "not its turn";
    }
    EXPECT_EQ(look({1, honest.id + 1, 0, 32}), Look::kBroken) << "no such call";
    EXPECT_EQ(look({1, honest.id + abi::kCallDepth, 0, 32}), Look::kBroken) << "an old call";
    EXPECT_EQ(look({1, honest.id, 0, 33}), Look::kBroken) << "larger than the buffer";
    EXPECT_EQ(look({1, honest.id, 99, 32}), Look::kFound);
    EXPECT_EQ(result.status, abi::CallStatus::kFailed) << "a status that does not exist";
    CallSender idle{memory_};
    EXPECT_EQ(idle.look(result), Look::kNothing) << "an answer to nothing";
}

TEST_F(CallRing, AnAnswerCountsOnce) {
    for (int i = 0; i < 2; i++) sender_.submit(*sender_.reserve(16), 1, 0);
    const auto first = take();
    receiver_.complete(first.id, abi::CallStatus::kOk, 0);
    receiver_.complete(first.id, abi::CallStatus::kOk, 0);
    done();
    CallSender::Done result{};
    EXPECT_EQ(sender_.look(result), Look::kBroken);
}

TEST_F(CallRing, AReceiverFindsOutALyingCaller) {
    const auto look = [&](abi::CallEntry entry) {
        CallReceiver fresh{memory_};
        header().in.entries[0] = entry;
        CallReceiver::Request request{};
        return fresh.look(request);
    };
    EXPECT_EQ(look({1, 1, 2, 1520, 8, 16, {}}), Look::kFound);
    EXPECT_EQ(look({0, 1, 2, 1520, 8, 16, {}}), Look::kNothing);
    EXPECT_EQ(look({2, 1, 2, 1520, 8, 16, {}}), Look::kNothing);
    EXPECT_EQ(look({1, 1, 2, 1536, 0, 0, {}}), Look::kFound);
    EXPECT_EQ(look({1, 1, 2, 1536, 0, 1, {}}), Look::kBroken);
    EXPECT_EQ(look({1, 1, 2, 1520, 8, 17, {}}), Look::kBroken);
    EXPECT_EQ(look({1, 1, 2, 1520, 17, 16, {}}), Look::kBroken) << "arguments beyond the buffer";
    EXPECT_EQ(look({1, 1, 2, ~0u - 15, 8, 16, {}}), Look::kBroken);
    EXPECT_EQ(look({1, 1, 2, 8, 8, 16, {}}), Look::kBroken) << "not aligned";
    EXPECT_EQ(look({1, 1, 2, 0, 8, ~0u, {}}), Look::kBroken);
}

TEST_F(CallRing, MoreCallsThanTheRingHoldsAreFoundOut) {
    CallReceiver::Request request{};
    for (std::uint32_t i = 0; i < abi::kCallDepth; i++) {
        header().in.entries[i] = {i + 1, 1, i, 0, 0, 0, {}};
        EXPECT_EQ(receiver_.look(request), Look::kFound);
    }
    EXPECT_EQ(receiver_.look(request), Look::kNothing);
    header().in.entries[0].turn = abi::kCallDepth + 1;
    EXPECT_EQ(receiver_.look(request), Look::kBroken);
}

TEST(CallCodec, ArgumentsComeBackAsTheyWere) {
    const std::string_view text = "some text";
    const std::vector<std::byte> bytes(13, std::byte{7});
    std::byte buffer[256];
    std::byte* end = encode(buffer, 7);
    end = encode(end, text);
    end = encode(end, 2.5);
    end = encode(end, Bytes{bytes});
    end = encode(end, std::string_view{});
    const std::size_t size = encoded_size(7) + encoded_size(text) + encoded_size(2.5) +
                             encoded_size(Bytes{bytes}) + encoded_size(std::string_view{});
    ASSERT_EQ(static_cast<std::size_t>(end - buffer), size);
    Decoder decoder{{buffer, size}};
    EXPECT_EQ(decoder.take<int>(), 7);
    EXPECT_EQ(decoder.take<std::string_view>(), text);
    EXPECT_EQ(decoder.take<double>(), 2.5);
    EXPECT_EQ(decoder.take<Bytes>().size(), 13u);
    EXPECT_FALSE(decoder.finished());
    EXPECT_EQ(decoder.take<std::string_view>(), "");
    EXPECT_TRUE(decoder.finished());
}

TEST(CallCodec, WhatIsNotThereIsNotTaken) {
    std::byte buffer[24]{};
    EXPECT_EQ((Decoder{{buffer, 7}}.take<int>()), 0);
    Decoder few{{buffer, 7}};
    few.take<int>();
    EXPECT_FALSE(few.finished());
    for (const std::uint64_t size : {std::uint64_t{17}, ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
        std::memcpy(buffer, &size, 8);
        Decoder decoder{{buffer, 24}};
        EXPECT_TRUE(decoder.take<Bytes>().empty());
        EXPECT_FALSE(decoder.finished());
    }
}

}  // namespace
}  // namespace enclavisor::base

#include "sdk/include/enclavisor/channel_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace enclavisor::sdk {
namespace {

class ChannelRing : public testing::Test {
protected:
    static constexpr std::uint32_t kSize = 4096;
    std::unique_ptr<ChannelHeader> header_ = std::make_unique<ChannelHeader>();
    alignas(8) std::byte data_[kSize]{};
    RingWriter writer_{*header_, data_};
    RingReader reader_{*header_, data_};
    std::mt19937 random_{5};
};

TEST_F(ChannelRing, BytesComeOutAsTheyWentIn) {
    std::uint64_t in = 0, out = 0;
    while (out < 1'000'000) {
        const auto space = writer_.space();
        ASSERT_TRUE(space);
        const std::size_t put = std::min<std::size_t>(space->size(), random_() % 3000);
        for (std::size_t i = 0; i < put; i++) (*space)[i] = static_cast<std::byte>(in + i);
        writer_.commit(put);
        in += put;
        const auto data = reader_.data();
        ASSERT_TRUE(data);
        const std::size_t get = std::min<std::size_t>(data->size(), random_() % 3000);
        for (std::size_t i = 0; i < get; i++) ASSERT_EQ((*data)[i], static_cast<std::byte>(out + i));
        reader_.release(get);
        out += get;
    }
}

TEST_F(ChannelRing, MessagesStayWhole) {
    std::deque<std::vector<std::byte>> under_way;
    for (int i = 0; i < 100'000; i++) {
        const std::size_t size = random_() % (writer_.largest_message() + 1);
        const auto space = writer_.message_space(size);
        ASSERT_TRUE(space);
        if (space->data() != nullptr) {
            ASSERT_EQ(space->size(), size);
            const std::size_t used = random_() % (size + 1);
            std::vector<std::byte> message(used);
            for (auto& byte : message) byte = static_cast<std::byte>(random_());
            std::copy(message.begin(), message.end(), space->begin());
            writer_.commit_message(used);
            under_way.push_back(std::move(message));
        } else {
            ASSERT_FALSE(under_way.empty()) << "an empty ring takes every message";
        }
        while (!under_way.empty() && random_() % 2 == 0) {
            const auto message = reader_.message();
            ASSERT_TRUE(message);
            ASSERT_TRUE(message->found);
            ASSERT_TRUE(std::ranges::equal(message->bytes, under_way.front()));
            reader_.release_message();
            under_way.pop_front();
        }
    }
}

TEST_F(ChannelRing, IndicesBeyondTheRingAreFoundOut) {
    for (const std::uint32_t written : {kSize + 1, ~0u, 0x8000'0000u}) {
        header_->written = written;
        EXPECT_FALSE(reader_.data());
        EXPECT_FALSE(reader_.message());
    }
    for (const std::uint32_t read : {1u, kSize, ~0u - kSize}) {
        header_->read = read;
        EXPECT_FALSE(writer_.space());
        EXPECT_FALSE(writer_.message_space(8));
    }
}

// Whatever the writer writes, a message lies within what the ring holds.
TEST_F(ChannelRing, AHostileWriterGetsNoFurtherThanTheRing) {
    for (int i = 0; i < 300'000; i++) {
        RingReader reader{*header_, data_};
        header_->written = random_() % 3 == 0 ? random_() : random_() % (kSize + 9);
        for (int words = 0; words < 4; words++) {
            const std::uint32_t values[] = {static_cast<std::uint32_t>(random_()), kSkipToBegin, kSize - 8,
                                            kSize, static_cast<std::uint32_t>(random_() % 64)};
            std::memcpy(data_ + random_() % (kSize / 8) * 8 * (random_() % 2), &values[random_() % 5], 4);
        }
        for (int taken = 0; taken < 4; taken++) {
            const auto message = reader.message();
            if (!message || !message->found) break;
            ASSERT_GE(message->bytes.data(), data_);
            ASSERT_LE(message->bytes.data() + message->bytes.size(), data_ + kSize);
            reader.release_message();
        }
    }
}

}  // namespace
}  // namespace enclavisor::sdk

#include "host/daemon/wire.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/lib/fd_message.hpp"

namespace enclavisor::host {
namespace {

class Wire : public testing::Test {
protected:
    Wire() {
        auto pair = socket_pair(SOCK_STREAM).take();
        here_ = std::move(pair.first);
        there_ = std::move(pair.second);
    }
    void send_bytes(const std::string& bytes) {
        ASSERT_EQ(::send(here_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        here_.reset();
    }
    Fd here_, there_;
};

TEST_F(Wire, CarriesObjectsAndDescriptors) {
    const Fd file{::open("/dev/null", O_RDONLY)};
    const Json body{{"op", "run"}, {"arguments", {"a", "b c"}}, {"text", std::string(100'000, 'x')}};
    ASSERT_TRUE(send_json(here_.get(), body, {file.get(), file.get()}));
    const auto message = receive_json(there_.get());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->body, body);
    EXPECT_EQ(message->fds.size(), 2u);
}

TEST_F(Wire, NamesNeedNotBeUtf8) {
    ASSERT_TRUE(send_json(here_.get(), {{"name", "a\xff"}}));
    EXPECT_TRUE(receive_json(there_.get()));
}

TEST_F(Wire, WhatIsNoMessageIsRefused) {
    for (const std::string& bytes :
         {std::string{}, std::string{"\1"}, std::string("\xff\xff\xff\xff{}", 6),
          std::string("\2\0\0\0[]", 6), std::string("\2\0\0\0{", 5), std::string("\3\0\0\0{}x", 7)}) {
        auto pair = socket_pair(SOCK_STREAM).take();
        here_ = std::move(pair.first);
        there_ = std::move(pair.second);
        send_bytes(bytes);
        EXPECT_FALSE(receive_json(there_.get())) << testing::PrintToString(bytes);
    }
}

TEST_F(Wire, AMemberOfAnotherTypeIsAsGoodAsNone) {
    const Json body{{"id", "seven"}, {"flag", 1}, {"list", {1, 2}}};
    EXPECT_EQ(get_or(body, "id", 5), 5);
    EXPECT_EQ(get_or(body, "none", 6), 6);
    EXPECT_EQ(get_or<std::vector<std::string>>(body, "list", {}), std::vector<std::string>{});
    EXPECT_FALSE(get_or(body, "flag", false));
}

TEST_F(Wire, ErrorsComeBackAsTheyWere) {
    const Error error = error_from(to_json(Error{"cause", "cure", 127}));
    EXPECT_EQ(error.text(), "cause (cure)");
    EXPECT_EQ(error.exit_code, 127);
    EXPECT_EQ(error_from(Json::object()).exit_code, kExitFailure);
}

}  // namespace
}  // namespace enclavisor::host

// Plays QEMU's monitor from a script, for tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/lib/fd_message.hpp"

namespace enclavisor::host {

class QmpPeer {
public:
    // What is sent when that command comes, with the command's number for ID. It goes away if that is
    // nothing, or another command comes.
    struct Turn {
        std::string command, answer;
    };
    static constexpr const char* kGreeting = R"({"QMP": {"version": {}, "capabilities": ["oob"]}})";
    static Turn returns(const std::string& command, const std::string& value) {
        return {command, R"({"return": )" + value + R"(, "id": ID})"};
    }
    static std::vector<Turn> after_greeting(std::vector<Turn> turns) {
        turns.insert(turns.begin(), returns("qmp_capabilities", "{}"));
        return turns;
    }

    // Says nothing of its own if there is no greeting.
    explicit QmpPeer(std::vector<Turn> turns, std::string greeting = kGreeting) {
        auto pair = socket_pair(SOCK_STREAM);
        EXPECT_TRUE(pair.ok());
        own_ = std::move(pair.value().first);
        client_ = std::move(pair.value().second);
        thread_ = std::thread{[this, turns = std::move(turns), greeting = std::move(greeting)] {
            if (!greeting.empty()) say(greeting);
            for (const Turn& turn : turns) {
                if (!take_turn(turn)) break;
            }
            // Silent from here on, until the test is over.
            if (!gone_) hear();
            ::shutdown(own_.get(), SHUT_RDWR);
        }};
    }
    ~QmpPeer() {
        ::shutdown(own_.get(), SHUT_RDWR);
        thread_.join();
    }

    Fd take_client() { return std::move(client_); }
    // After the client is gone.
    const std::vector<nlohmann::json>& heard() {
        if (thread_.joinable()) thread_.join();
        thread_ = std::thread{[] {}};
        return heard_;
    }

private:
    void say(const std::string& text) {
        const std::string line = text + "\n";
        [[maybe_unused]] const auto sent = ::send(own_.get(), line.data(), line.size(), MSG_NOSIGNAL);
    }
    nlohmann::json hear() {
        std::string line;
        for (char c; ::recv(own_.get(), &c, 1, 0) == 1;) {
            if (c != '\n') {
                line += c;
                continue;
            }
            heard_.push_back(nlohmann::json::parse(line));
            return heard_.back();
        }
        return nullptr;
    }
    bool take_turn(const Turn& turn) {
        const nlohmann::json asked = hear();
        std::string answer = turn.answer;
        gone_ = asked.is_null() || asked["execute"] != turn.command || answer.empty();
        if (gone_) return false;
        if (const std::size_t at = answer.find("ID"); at != std::string::npos)
            answer.replace(at, 2, asked["id"].dump());
        say(answer);
        return true;
    }

    Fd own_, client_;
    std::vector<nlohmann::json> heard_;
    bool gone_ = false;
    std::thread thread_;
};

}  // namespace enclavisor::host

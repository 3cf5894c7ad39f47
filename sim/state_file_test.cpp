#include "sim/state_file.hpp"

#include <gtest/gtest.h>

namespace enclavisor::sim {
namespace {

State a_state() {
    State state{Chip::make(Product::kGenoa).state(), {}, {}};
    state.chip.vlek = Vlek{"CN=cloud.example", state.chip.reported_tcb};
    state.chip.mask_chip_id = true;
    state.authority.revoked.insert(Signer::kAsk);
    state.authority.lists = 7;
    for (std::string* key : {&state.sev.oca, &state.sev.pek, &state.sev.pdh}) *key = EcKey::generate().pem();
    return state;
}

TEST(StateFile, AllOfItSurvives) {
    const State state = a_state();
    const auto read = parse_state(text_of(state), "test");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(text_of(read.value()), text_of(state));
    EXPECT_EQ(read.value().chip.secret, state.chip.secret);
    EXPECT_EQ(read.value().chip.vlek->provider, "CN=cloud.example");
}

TEST(StateFile, WhatIsNoStateIsRefused) {
    const std::string text = text_of(a_state());
    const auto refused = [](const std::string& with) {
        const auto read = parse_state(with, "FILE");
        return !read.ok() && read.error().text().find("FILE is not a state") == 0;
    };
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string changed = text;
        const std::size_t at = changed.find(from);
        EXPECT_NE(at, changed.npos) << from;
        return changed.replace(at, from.size(), to);
    };
    EXPECT_TRUE(refused(""));
    EXPECT_TRUE(refused("[]"));
    EXPECT_TRUE(refused(text.substr(0, text.size() / 2)));
    EXPECT_TRUE(refused(with("\"format\": 1", "\"format\": 2")));
    EXPECT_TRUE(refused(with("\"Genoa\"", "\"Geneva\"")));
    EXPECT_TRUE(refused(with("\"secret\": \"", "\"secret\": \"00")));
    EXPECT_TRUE(refused(with("\"id\": \"", "\"id\": \"zz")));
    EXPECT_TRUE(refused(with("\"lists\": 7", "\"lists\": \"7\"")));
    EXPECT_TRUE(refused(with("BEGIN PRIVATE", "BEGIN PUBLIC")));
    EXPECT_TRUE(refused(with("\"committed_tcb\": ", "\"committed_tcb\": 1")));
}

}  // namespace
}  // namespace enclavisor::sim

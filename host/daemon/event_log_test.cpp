#include "host/daemon/event_log.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

const Json kNasty{{"name", "a\"b\nc\xff d"}, {"id", 7}};

TEST(EventLog, JsonLinesAreJson) {
    const std::string line = event_line("started", kNasty, true, 1'700'000'000);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    const Json parsed = Json::parse(line);
    EXPECT_EQ(parsed.at("event"), "started");
    EXPECT_EQ(parsed.at("time"), "2023-11-14T22:13:20Z");
    EXPECT_EQ(parsed.at("id"), 7);
    EXPECT_EQ(parsed.at("name"), "a\"b\nc\uFFFD d");
}

TEST(EventLog, TextLinesAreLines) {
    const std::string line = event_line("started", kNasty, false, 0);
    EXPECT_EQ(line, "1970-01-01T00:00:00Z started id=7 name=\"a\\\"b\\nc\uFFFD d\"\n");
}

}  // namespace
}  // namespace enclavisor::host

// What a call of a function takes.
#include "tests/support/round_trips.hpp"

#include <gtest/gtest.h>

#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

class RoundTripTest : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(RoundTripTest);

// A call that does nothing, beside a word that bounces between the same two. A side
// that slept would take tens of times as long. Other programs use this machine too:
// runs are short enough to fall between two of their turns, the best counts, and there
// are more runs while it is not good enough. The figures are those of `make bench`.
TEST_P(RoundTripTest, ANullCallIsLittleMoreThanABounce) {
    constexpr std::uint32_t kTimes = 100, kLeastRuns = 50, kMostRuns = 5000;
    const auto machine = launch(machine_options(GetParam()));
    ASSERT_NE(machine, nullptr);
    auto begun = RoundTrips::begin(*machine, programs_dir());
    ASSERT_TRUE(begun.ok()) << begun.error().text();
    RoundTrips trips = begun.take();
    const auto good = [&] { return trips.call_in <= 3 * trips.bare && trips.call_out <= 5 * trips.bare; };
    for (std::uint32_t run = 0; run < kLeastRuns || (run < kMostRuns && !good()); run++) {
        const auto done = trips.run(kTimes);
        ASSERT_TRUE(done.ok()) << done.error().text();
    }
    EXPECT_TRUE(good()) << "nanoseconds: bare round trip " << trips.bare << ", null call in " << trips.call_in
                        << ", null call out " << trips.call_out;
}

}  // namespace
}  // namespace enclavisor::tests

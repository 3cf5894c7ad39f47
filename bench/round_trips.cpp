#include "bench/round_trips.hpp"

#include <algorithm>
#include <vector>

#include "bench/enclave_arm.hpp"
#include "bench/proxy_count.hpp"
#include "bench/single_step.hpp"
#include "host/lib/machine.hpp"
#include "tests/support/round_trips.hpp"

namespace enclavisor::bench {
namespace {

using tests::RoundTrips;

constexpr std::uint32_t kRuns = 200, kTimes = 1000;
constexpr int kCounts = 30;

host::Result<void> measure_time(host::Platform platform, const std::filesystem::path& programs,
                                Figures& figures) {
    const auto machine = TRY(launch_timed(platform, 256));
    RoundTrips trips = TRY(RoundTrips::begin(*machine, programs));
    for (std::uint32_t i = 0; i < kRuns; i++) TRY(trips.run(kTimes));
    figures["round-trip.bare"] = trips.bare;
    figures["round-trip.call_in"] = trips.call_in;
    figures["round-trip.call_out"] = trips.call_out;
    return {};
}

host::Result<void> count_in_enclave(host::Platform platform, const std::filesystem::path& programs,
                                    Figures& figures) {
    const auto machine = TRY(launch_counting(platform, 256));
    RoundTrips trips = TRY(RoundTrips::begin(*machine, programs));
    const auto stamp = trips.entry("stamp"), asking = trips.entry("cost_of_asking");
    std::uint64_t call_in = ~0ull, call_out = ~0ull;
    for (int i = 0; i < kCounts; i++) {
        std::vector<host::CallId> calls;
        for (std::uint32_t k = 0; k < abi::kCallDepth; k++) {
            calls.push_back(TRY(trips.instance().begin<std::uint64_t>(stamp)));
        }
        std::uint64_t before = 0;
        for (const host::CallId call : calls) {
            const std::uint64_t now = TRY(trips.instance().end<std::uint64_t>(call));
            if (before != 0) call_in = std::min(call_in, now - before);
            before = now;
        }
        call_out = std::min(call_out, TRY(trips.instance().call<std::uint64_t>(asking)));
    }
    figures["round-trip.call_in_enclave"] = static_cast<double>(call_in);
    figures["round-trip.call_out_enclave"] = static_cast<double>(call_out);
    return {};
}

host::Result<void> count_on_host(host::Platform platform, const std::filesystem::path& programs,
                                 Figures& figures) {
    // The copy ends with its count, and what it wrote to the rings is unknown here: a
    // machine for each.
    bool traced = false;
    const auto begin = [&](host::Machine& machine) {
        return RoundTrips::begin(machine, programs, [&traced] {
            if (traced) mark();
        });
    };
    const auto machine_in = TRY(launch_timed(platform, 256)), machine_out = TRY(launch_timed(platform, 256));
    RoundTrips in = TRY(begin(*machine_in)), out = TRY(begin(*machine_out));
    const auto nothing = in.entry("nothing"), ask_often = out.entry("ask_often");
    figures["round-trip.call_in_host"] = TRY(count_steps([&] {
        for (int i = 0; i < kCounts; i++) {
            mark();
            (void)in.instance().call<void>(nothing);
        }
    }));
    figures["round-trip.call_out_host"] = TRY(count_steps([&] {
        traced = true;
        (void)out.instance().call<std::uint32_t>(ask_often, kCounts);
    }));
    return {};
}

}  // namespace

host::Result<Figures> measure_round_trips(host::Platform platform, const std::filesystem::path& programs) {
    Figures figures;
    TRY(measure_time(platform, programs, figures));
    TRY(count_in_enclave(platform, programs, figures));
    TRY(count_on_host(platform, programs, figures));
    figures["round-trip.write_host"] = TRY(count_in_proxy());
    return figures;
}

}  // namespace enclavisor::bench

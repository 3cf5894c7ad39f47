// What a call of a function takes, in wall time, beside the least that a round trip
// through shared memory can be. Both sides poll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "host/lib/function.hpp"

namespace enclavisor::tests {

class RoundTrips {
public:
    // With an instance of tests/programs/functions/steady; `nothing` is what the host does
    // when it is called.
    static host::Result<RoundTrips> begin(
        host::Machine& machine, const std::filesystem::path& programs, std::function<void()> nothing = [] {});

    // Each of the three `times` times. The best run of each is kept.
    host::Result<void> run(std::uint32_t times);

    // Nanoseconds each.
    double bare = kNever;      // a word there and back
    double call_in = kNever;   // of the enclave, by the host
    double call_out = kNever;  // of the host, by the enclave

    // For what else is measured of the two.
    host::Instance& instance() { return instance_; }
    host::EntryPoint entry(const char* name) const { return function_.entry(name).value(); }

private:
    RoundTrips(host::FunctionTemplate function, host::Instance instance, std::byte* words);

    static constexpr double kNever = 1e12;
    host::FunctionTemplate function_;
    host::Instance instance_;
    std::byte* words_;  // of the bare round trip
    host::EntryPoint bounce_, nothing_, ask_often_;
};

}  // namespace enclavisor::tests

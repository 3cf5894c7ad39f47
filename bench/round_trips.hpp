// Round trips between an enclave and its host: in time, and in the instructions that
// each of the two executes for one.
#pragma once

#include <filesystem>

#include "bench/figures.hpp"
#include "host/lib/error.hpp"
#include "host/lib/paths.hpp"

namespace enclavisor::bench {

// "round-trip.NAME" in nanoseconds, "round-trip.NAME_enclave" and "round-trip.NAME_host"
// in instructions; NAME is bare (a word that bounces, both polling), call_in, call_out
// and write, of which only the host's instructions are counted here. `programs`: the
// directory of tests/programs. Each in a machine of its own.
host::Result<Figures> measure_round_trips(host::Platform platform, const std::filesystem::path& programs);

}  // namespace enclavisor::bench

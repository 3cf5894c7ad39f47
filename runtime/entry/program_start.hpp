// From a program that is mapped to its first instruction: what Linux puts into an address
// space beside it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "abi/enclave/calls.hpp"
#include "runtime/config/start_info.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/time/time_data.hpp"

namespace enclavisor::runtime {

struct ProgramImage {
    std::uint64_t start = 0;  // the first instruction: the interpreter's, if there is one
    std::uint64_t entry = 0;
    std::uint64_t headers = 0;  // address in memory
    std::uint64_t header_count = 0;
    std::uint64_t interpreter_base = 0;
};

struct ProgramArguments {
    std::vector<std::string_view> arguments, environment;
    std::string_view executable;  // AT_EXECFN
};

// Places the vDSO, with the page of clocks before it; its address, or 0: no memory.
std::uint64_t place_vdso(Memory& memory);

// The page of clocks, in the caller's address space.
TimeData* time_data();
// Puts it into an empty space; without memory for it the enclave ends.
void place_time_data(const TimeData& time);

// What the configuration says of the environment and the directory that a program begins with; the
// host, as far as it is believed.
std::vector<std::string_view> configured_environment(const Config& config, const Start& start);
Ref<Directory> configured_directory(const Config& config, const Start& start);

// The host's descriptors as the process's first three files, and as its terminal, if they are one.
void give_streams(Process& process, const std::int32_t (&fds)[3], const Ref<Terminal>& terminal);

// Builds the stack. The registers of the first instruction; false: no memory, or the arguments are
// too long for it.
bool build_stack(Process& process, const ProgramImage& image, const ProgramArguments& given,
                 std::uint64_t vdso, abi::Registers& registers);

// Bytes that arguments and environment may take, at most: as Linux, a quarter of the stack.
std::uint64_t most_argument_bytes();

}  // namespace enclavisor::runtime

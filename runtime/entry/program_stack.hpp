// The program's first stack (System V ABI, AMD64 supplement, 3.4.1).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace enclavisor::runtime {

struct ProgramStack {
    std::vector<std::string_view> arguments;
    std::vector<std::string_view> environment;
    std::string_view executable;  // AT_EXECFN
    std::uint64_t random[2];      // AT_RANDOM
    // Entries without AT_RANDOM, AT_EXECFN, AT_PLATFORM and AT_NULL.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> auxiliary;

    // Bytes that it takes, at most.
    std::uint64_t size() const;
    // Writes it below `top`, which is a multiple of 16. The stack pointer at entry.
    std::uint64_t write(std::uint64_t top) const;
};

}  // namespace enclavisor::runtime

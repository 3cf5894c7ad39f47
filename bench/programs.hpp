// The programs that run in both worlds, each in a machine of its own. Linux takes
// huge pages only in machines of more than 512 MiB.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace enclavisor::bench {

enum class InEnclave {
    kRuns,
    kHasOwn,  // the enclave's counterpart is another operation (forks.hpp)
};

struct Program {
    std::string name;  // of its figures, see rows.cpp
    std::string file;  // in the directory of built programs, or a path
    std::vector<std::string> arguments;
    std::uint64_t memory_mib;  // of the machine
    InEnclave in_enclave;
    bool timed = false;  // in nanoseconds, not in instructions, and in an enclave only
    // What the Linux guest has besides, at the same paths as here.
    std::vector<std::string> files{};
};

// Touched heaps of the processes that fork.
inline constexpr unsigned kForkHeapsMib[] = {1, 64, 512, 1024};

std::vector<Program> programs();

// Python, and what it is given behind its own name to run a script of programs/.
inline constexpr const char* kPython = "/usr/bin/python3.11";
std::vector<std::string> python_arguments(const std::string& script);

}  // namespace enclavisor::bench

// execve(2): another program in the same process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/files/file_system.hpp"

namespace enclavisor::runtime {

struct ExecRequest {
    Ref<OpenFile> file;  // opened for reading
    std::string path;    // how the program calls it
    std::vector<std::string> arguments, environment;
    bool unblocks = false;  // the program begins with no signal blocked
};

// Does not return if the program could be begun: -errno. The lock is held, and released
// meanwhile.
std::int64_t execute(ExecRequest request);

// The file at a place, if it is one that can be executed.
Opened open_executable(const Place& place);
Opened open_executable(const std::string& path);

}  // namespace enclavisor::runtime

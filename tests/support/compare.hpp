// Runs a program natively and in an enclave, in the same directory with the
// same files, and compares all that can be seen of it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/lib/paths.hpp"
#include "tests/support/subprocess.hpp"

namespace enclavisor::tests {

struct Comparison {
    std::vector<std::string> arguments;                         // the program first, by absolute path
    std::string standard_input;                                 // a file in the directory; empty: /dev/null
    std::function<void(const std::filesystem::path&)> prepare;  // fills the directory; may be empty
    std::function<void(const std::filesystem::path&)> inspect;  // looks at it after the enclave's run
    bool compare_files = true;
    std::chrono::seconds timeout{120};
};

// The environment that the programs get, natively and in enclaves.
std::vector<std::string> program_environment();

// The command line that runs `arguments` in an enclave.
std::vector<std::string> in_enclave(host::Platform platform, const std::vector<std::string>& arguments);

// Fails the current test where standard output, standard error, exit status or
// the files left behind differ. Returns the enclave's run.
RunResult expect_same(host::Platform platform, const Comparison& comparison);

// Files below `root`: name, type, permissions, size, contents or target.
std::string describe_tree(const std::filesystem::path& root);

}  // namespace enclavisor::tests

// Runs a program to its end and keeps what it printed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace enclavisor::tests {

struct RunOptions {
    std::filesystem::path directory;                     // empty: the current one
    std::filesystem::path standard_input = "/dev/null";  // file
    std::vector<std::string> environment;                // exactly this, unless inherit_environment
    bool inherit_environment = false;
    std::chrono::seconds timeout{120};
    // A signal to send after a while (0: none), to the program alone.
    int signal = 0;
    std::chrono::milliseconds signal_after{0};
    std::filesystem::path standard_output;  // empty: captured
};

struct RunResult {
    int status = -1;  // exit status, or 128 + signal
    bool timed_out = false;
    std::string out, err;
    std::chrono::milliseconds time{0};
};

// The program and all it left behind in its process group are dead on return.
RunResult run(const std::vector<std::string>& arguments, const RunOptions& options = {});

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);

}  // namespace enclavisor::tests

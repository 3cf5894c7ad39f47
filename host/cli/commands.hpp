// The commands behind `enclavisor`. Each returns the exit status.
#pragma once

#include <string>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct RunOptions {
    std::string program;  // or manifest
    std::vector<std::string> arguments;
    std::string platform = "plain";
    std::string memory;  // of the VM; empty: enough for the enclave
    std::string limit;   // of the enclave; empty: default
    std::string accelerator;
    std::vector<std::string> environment;  // NAME=value, or NAME to hand the caller's on
    double timeout = 0;                    // seconds; 0: none
    unsigned instances = 1;                // of a program that becomes a template
    bool print_measurement = false;
    bool verbose = false;
    bool quiet = false;
};

Result<int> run_command(const RunOptions& options);
Result<int> measure_command(const std::string& program, const std::string& limit);
Result<int> doctor_command();

// Writes to standard output; an error if it cannot take the text.
Result<void> print(const std::string& text);
// Writes "enclavisor: TEXT" to standard error.
void complain(const std::string& text);

}  // namespace enclavisor::host

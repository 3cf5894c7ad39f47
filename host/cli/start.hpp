// What `run` hands to a program, in a VM of its own or a daemon's.
#pragma once

#include <string>
#include <vector>

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"

namespace enclavisor::host {

// The caller's environment with what --env says.
Result<std::vector<std::string>> environment_for(const RunOptions& options);

// One line about what the enclave believes its host.
void warn(const RunOptions& options, const Application& application);

// The platform of that name, "auto" included, where one line says which it is.
Result<Platform> platform_for(const std::string& name, std::uint64_t memory_mib);
// One line if a guest of AMD's hardware lets its host look into it.
void warn_of_debugging(bool allowed);

// `run --vm`.
Result<int> run_in_vm(const RunOptions& options);

}  // namespace enclavisor::host

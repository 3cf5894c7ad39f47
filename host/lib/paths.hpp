// Where the parts of an installation are found: beside the executable, in the
// build tree or the installed tree, or where ENCLAVISOR_HOME points.
#pragma once

#include <filesystem>
#include <string>

#include "host/lib/error.hpp"
#include "host/lib/platform.hpp"

namespace enclavisor::host {

Result<std::filesystem::path> find_rom(Platform platform);
// Of a platform that a secure processor launches: "sev", "sev-es", "sev-snp".
Result<std::filesystem::path> find_launch_rom(const std::string& platform);
Result<std::filesystem::path> find_runtime();
Result<std::filesystem::path> find_proxy();
Result<std::filesystem::path> find_daemon();
// What stands for the hypervisor of simulations.
Result<std::filesystem::path> find_carrier();

// A program by name, the way a shell looks: with a slash as it is, else in PATH.
Result<std::filesystem::path> find_program(const std::string& name);
Result<std::filesystem::path> find_qemu();  // ENCLAVISOR_QEMU, else qemu-system-x86_64 in PATH

}  // namespace enclavisor::host

// Programs in enclaves, each in a machine of its own.
#pragma once

#include <filesystem>
#include <memory>

#include "bench/figures.hpp"
#include "bench/programs.hpp"
#include "host/lib/error.hpp"
#include "host/lib/machine.hpp"

namespace enclavisor::bench {

// A machine whose clock counts instructions, and one with an ordinary clock.
host::Result<std::unique_ptr<host::Machine>> launch_counting(host::Platform platform,
                                                             std::uint64_t memory_mib);
host::Result<std::unique_ptr<host::Machine>> launch_timed(host::Platform platform, std::uint64_t memory_mib);

class EnclaveArm {
public:
    EnclaveArm(host::Platform platform, std::filesystem::path programs, std::filesystem::path work)
        : platform_{platform}, programs_{std::move(programs)}, work_{std::move(work)} {}

    // "boot.kernel_ready", "boot.first_instruction" (of an enclave of one page) and
    // "kernel_call.null".
    host::Result<Figures> boot();
    // One program in a process enclave.
    host::Result<Figures> run(const Program& program);

    host::Platform platform() const { return platform_; }

private:
    // What an enclave without a runtime exits with.
    host::Result<std::uint64_t> run_native(host::Machine& machine, const char* file);

    host::Platform platform_;
    std::filesystem::path programs_, work_;
};

}  // namespace enclavisor::bench

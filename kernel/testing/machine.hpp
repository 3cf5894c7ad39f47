// A machine without hardware: the kernel's own sources above the hardware
// layer, compiled as an ordinary program, with memory and the link as arrays.
// Tests and fuzzers drive it as a hostile host and as hostile enclaves would,
// and check the kernel's invariants after every step.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/kernel.hpp"

namespace enclavisor::kernel::testing {

class FakeMachine {
public:
    explicit FakeMachine(std::uint64_t frames = 1024);
    ~FakeMachine();
    FakeMachine(const FakeMachine&) = delete;

    Kernel& kernel() { return *kernel_; }

    // The host: submits a command, has the attestation enclave work until it is
    // complete, and returns the completion.
    abi::ControlCompletion command(abi::Command command, std::vector<std::uint64_t> arguments);
    // Writes any bytes anywhere into the link.
    void scribble(std::uint64_t offset, std::uint64_t value);

    // Ring 3: a kernel call by the thread that runs. False: none runs.
    bool call(std::uint64_t number, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d);
    // Ring 3: an exception of the thread that runs.
    bool trap(std::uint64_t vector, std::uint64_t error, std::uint64_t address);
    // Lets the next ready thread run; the attestation enclave answers at once.
    void schedule();

    // Until nothing is left to be done in the background or for the host.
    void settle();

    // An enclave of three pages with one thread, running. Its handle.
    std::uint64_t start_enclave(std::uint64_t limit = 64);

    // Ends and destroys everything; whether every frame came back.
    bool all_frames_return();

    // Aborts unless: every page is private or of the link, none is writable and
    // executable, each enclave is charged for what it has, no two enclaves
    // share a frame, and no frame in use is free.
    void check_invariants();

private:
    std::vector<std::uint64_t> live_handles();

    std::vector<char> memory_, link_;
    alignas(64) char kernel_bytes_[sizeof(Kernel)];
    Kernel* kernel_;
    std::uint32_t submitted_ = 0;
    std::uint64_t baseline_ = 0;
};

}  // namespace enclavisor::kernel::testing

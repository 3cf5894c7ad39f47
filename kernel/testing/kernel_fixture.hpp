// What the tests of the kernel share.
#pragma once

#include <gtest/gtest.h>

#include "kernel/arch/per_cpu.hpp"
#include "kernel/testing/machine.hpp"

namespace enclavisor::kernel::testing {

using abi::Call;
using abi::Command;
using abi::ControlStatus;
using abi::EndReason;

inline std::int32_t status(ControlStatus s) {
    return static_cast<std::int32_t>(s);
}

class KernelTest : public ::testing::Test {
protected:
    bool call(Call number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
              std::uint64_t d = 0) {
        return machine.call(static_cast<std::uint64_t>(number), a, b, c, d);
    }
    abi::EnclaveStatus record(std::uint64_t handle) {
        return machine.kernel().link.status(abi::slot_of(handle)).read();
    }
    EndReason reason(std::uint64_t handle) { return static_cast<EndReason>(record(handle).reason); }

    Enclave* this_cpu_enclave() { return this_cpu().current->enclave; }

    FakeMachine machine;
};

}  // namespace enclavisor::kernel::testing

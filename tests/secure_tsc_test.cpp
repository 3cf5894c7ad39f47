// Who says how fast the time-stamp counter runs: the host, unless the VM was launched with a secure one.
#include <gtest/gtest.h>

#include "host/lib/shared_word.hpp"
#include "tests/support/probe.hpp"

namespace enclavisor::tests {
namespace {

constexpr std::uint64_t kLie = 3;  // times the truth

struct Seen {
    std::uint64_t truth = 0, enclave = 0;  // kHz
};

// What an enclave is told, after the host has changed its hint.
Seen frequency(const std::string& require, unsigned cpus = 1) {
    host::MachineOptions options = machine_options(host::Platform::kSimulatedSnp);
    options.sev.require = require;
    options.cpus = cpus;
    const auto machine = launch(options);
    if (machine == nullptr) return {};
    std::uint64_t& hint = machine->link().header().tsc_khz;
    Seen seen{hint, 0};
    hint *= kLie;
    host::full_fence();
    Probe probe{*machine, 16};
    auto instance = probe.fork(0);
    if (!instance.ok() || !probe.call(instance.value(), ProbeOperation::kFrequency, 0)) return {};
    seen.enclave = instance.value().slot->result;
    EXPECT_TRUE(healthy(*machine));
    EXPECT_EQ(machine->hello().value().cpus, cpus);
    return seen;
}

TEST(SecureTsc, WithoutItTheHostsWordIsTaken) {
    const Seen seen = frequency("");
    ASSERT_NE(seen.truth, 0u);
    EXPECT_EQ(seen.enclave, kLie * seen.truth);
}

TEST(SecureTsc, WithItTheProcessorsIs) {
    for (const unsigned cpus : {1u, 4u}) {
        const Seen seen = frequency("debug-swap,secure-tsc", cpus);
        ASSERT_NE(seen.truth, 0u);
        // The processor tells whole MHz, and how far below them the mean is.
        EXPECT_NEAR(static_cast<double>(seen.enclave), static_cast<double>(seen.truth), 600);
    }
}

}  // namespace
}  // namespace enclavisor::tests

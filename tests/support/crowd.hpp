// Runs the enclave of tests/programs/probe/crowd.cpp, or spaces.cpp, for a while.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "host/lib/shared_word.hpp"
#include "tests/programs/probe/crowd.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {

// What it saw; nothing, with a test failure, if it did not end as it should.
inline std::optional<CrowdStatus> run_crowd(host::Machine& machine, std::chrono::milliseconds time,
                                            const char* program = "crowd",
                                            std::uint32_t watchers = kCrowdThreads - 1) {
    const NativeImage image{(programs_dir() / program).string()};
    auto created = NativeEnclave::create(
        machine, image,
        {.memory_limit_pages = 4096, .exception_entry = image.symbol("enclavisor_exception_entry")});
    if (!created.ok()) {
        ADD_FAILURE() << created.error().text();
        return std::nullopt;
    }
    auto enclave = created.take();
    auto& status = *reinterpret_cast<volatile CrowdStatus*>(enclave.io_data().data());
    EXPECT_TRUE(enclave.start().ok());
    // Also a loaded machine gets far enough to show something.
    const auto begin = std::chrono::steady_clock::now();
    const auto elapsed = [&] { return std::chrono::steady_clock::now() - begin; };
    while (elapsed() < time || (status.rounds < 50 && elapsed() < std::chrono::seconds{90}))
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    EXPECT_EQ(status.ready, watchers);
    status.stop = 1;
    const auto ended = enclave.wait(std::chrono::seconds{30});
    if (!ended || ended->reason != static_cast<std::uint32_t>(abi::EndReason::kExited) || ended->code != 42) {
        ADD_FAILURE() << (ended ? describe(*ended) : "it does not end") << "; rounds " << status.rounds
                      << ", looks " << status.looks << "\n"
                      << machine.log();
        return std::nullopt;
    }
    return base::copy_from_shared(const_cast<const CrowdStatus&>(status));
}

}  // namespace enclavisor::tests

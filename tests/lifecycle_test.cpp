// Nothing leaks: creations and deaths of every kind leave the frames they found.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {
namespace {

class Lifecycle : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        machine_ = launch(machine_options(GetParam()));
        ASSERT_NE(machine_, nullptr);
        // The first enclave lets the attestation enclave touch memory of its own.
        auto created = NativeEnclave::create(*machine_, hostile_);
        ASSERT_TRUE(created.ok()) << created.error().text();
        auto first = created.take();
        ASSERT_TRUE(first.destroy().ok());
        live_ = live_enclaves();
    }
    std::uint64_t live_enclaves() {
        const auto stats = machine_->stats();
        EXPECT_TRUE(stats.ok());
        return stats.ok() ? stats.value().live_enclaves : 0;
    }
    std::uint64_t free_frames() {
        const auto stats = machine_->stats();
        EXPECT_TRUE(stats.ok());
        return stats.ok() ? stats.value().free_frames : 0;
    }
    std::unique_ptr<host::Machine> machine_;
    std::uint64_t live_ = 0;  // with none of ours: the attestation enclave
    const NativeImage hostile_{(programs_dir() / "hostile").string()};
};
ENCLAVISOR_ON_ALL_PLATFORMS(Lifecycle);

TEST_P(Lifecycle, ThousandEnclavesLeaveNoFrameBehind) {
    const std::uint64_t before = free_frames();
    // Ways to die: by itself, by a fault, for want of memory, while it runs,
    // while it waits, never started.
    const char* const kinds[] = {"call_parameters", "ud2", "memory_hog", "tight_loop", "wait_for_ever",
                                 "null_read",       ""};
    std::mt19937 random{5};
    std::uint64_t lowest = before;
    for (int i = 0; i < 1000; i++) {
        const std::string kind = kinds[random() % std::size(kinds)];
        SCOPED_TRACE(std::to_string(i) + " " + kind);
        NativeOptions options;
        options.memory_limit_pages = 64 + random() % 256;
        options.entry = hostile_.symbol("case_" + (kind.empty() ? "ud2" : kind));
        auto created = NativeEnclave::create(*machine_, hostile_, options);
        ASSERT_TRUE(created.ok()) << created.error().text();
        auto enclave = created.take();
        if (i % 50 == 0) lowest = std::min(lowest, free_frames());
        if (!kind.empty()) {
            ASSERT_TRUE(enclave.start().ok());
            const bool endless = kind == "tight_loop" || kind == "wait_for_ever";
            if (endless) {
                ASSERT_TRUE(enclave.stop().ok());
            }
            ASSERT_TRUE(enclave.wait(std::chrono::seconds{30})) << machine_->log();
        }
        const auto destroyed = enclave.destroy();
        ASSERT_TRUE(destroyed.ok()) << destroyed.error().text();
    }
    EXPECT_LT(lowest, before) << "an enclave takes no frames? then this test shows nothing";
    EXPECT_EQ(free_frames(), before);
    EXPECT_EQ(live_enclaves(), live_);
}

TEST_P(Lifecycle, ManyEnclavesAtOnceThenNone) {
    constexpr int kCount = 24;
    NativeOptions options;
    options.entry = hostile_.symbol("case_tight_loop");
    const auto batch = [&] {
        std::vector<NativeEnclave> enclaves;
        for (int i = 0; i < kCount; i++) {
            auto created = NativeEnclave::create(*machine_, hostile_, options);
            ASSERT_TRUE(created.ok()) << created.error().text();
            enclaves.push_back(created.take());
            ASSERT_TRUE(enclaves.back().start().ok());
        }
        EXPECT_EQ(live_enclaves(), live_ + kCount);
    };
    batch();  // the attestation enclave keeps a state for each slot ever used
    const std::uint64_t before = free_frames();
    batch();
    EXPECT_EQ(free_frames(), before);
    EXPECT_EQ(live_enclaves(), live_);
}

TEST_P(Lifecycle, TheVmMayRunOutOfFramesAndRecovers) {
    const std::uint64_t before = free_frames();
    {
        NativeOptions options;
        options.memory_limit_pages = before * 2;
        options.entry = hostile_.symbol("case_memory_hog");
        auto created = NativeEnclave::create(*machine_, hostile_, options);
        if (created.ok()) {  // a limit beyond the VM's memory may be refused at once
            auto enclave = created.take();
            ASSERT_TRUE(enclave.start().ok());
            const auto status = enclave.wait(std::chrono::seconds{120});
            ASSERT_TRUE(status) << machine_->log();
            const auto reason = static_cast<abi::EndReason>(status->reason);
            EXPECT_TRUE(reason == abi::EndReason::kOutOfMemory || reason == abi::EndReason::kMemoryLimit)
                << describe(*status);
        }
    }
    EXPECT_TRUE(healthy(*machine_));
    EXPECT_EQ(free_frames(), before);
}

TEST_P(Lifecycle, FreshMemoryHoldsNothingOfOthers) {
    const auto run = [&](const char* name) -> std::uint64_t {
        NativeOptions options;
        options.memory_limit_pages = 4096;
        options.entry = hostile_.symbol(name);
        auto created = NativeEnclave::create(*machine_, hostile_, options);
        EXPECT_TRUE(created.ok());
        if (!created.ok()) return ~0ull;
        auto enclave = created.take();
        EXPECT_TRUE(enclave.start().ok());
        const auto status = enclave.wait(std::chrono::seconds{60});
        return status ? status->code : ~0ull;
    };
    for (int i = 0; i < 3; i++) {
        run("case_memory_hog");
        EXPECT_EQ(run("case_find_leftovers"), 0u);
    }
}

// The measurement is a function of what was built, and of all of it.
TEST_P(Lifecycle, MeasurementTellsDifferentEnclavesApart) {
    const auto measure = [&](const NativeImage& image, NativeOptions options) {
        auto created = NativeEnclave::create(*machine_, image, options);
        EXPECT_TRUE(created.ok()) << (created.ok() ? "" : created.error().text());
        if (!created.ok()) return std::string{};
        auto enclave = created.take();
        return std::string{reinterpret_cast<const char*>(enclave.measurement()), 48};
    };
    const std::string plain = measure(hostile_, {});
    EXPECT_EQ(measure(hostile_, {}), plain);
    NativeImage patched = hostile_;
    const std::uint64_t one = 1;
    patched.patch(patched.symbol("parameters") + 504, &one, 1);
    EXPECT_NE(measure(patched, {}), plain) << "a changed byte";
    EXPECT_NE(measure(hostile_, {.memory_limit_pages = 511}), plain) << "another limit";
    EXPECT_NE(measure(hostile_, {.entry = hostile_.symbol("case_hlt")}), plain) << "another entry";
}

}  // namespace
}  // namespace enclavisor::tests

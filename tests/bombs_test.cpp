// Who takes all it can get ends at its limit, its own or its tenant's, and its
// neighbours of other tenants notice nothing.
#include <gtest/gtest.h>

#include "tests/programs/probe/bomb.hpp"
#include "tests/support/hostile_ground.hpp"
#include "tests/support/probe.hpp"

namespace enclavisor::tests {
namespace {

constexpr std::uint64_t kTenant = 9;
constexpr std::uint64_t kUnlimited = ~0ull;

class Bombs : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        ground_ = HostileGround::on(GetParam());
        ASSERT_NE(ground_, nullptr);
    }
    void TearDown() override {
        if (ground_ == nullptr) return;
        limit(kUnlimited, kUnlimited, kUnlimited);
        ground_->expect_unharmed();
    }
    static void TearDownTestSuite() { HostileGround::finish(); }

    host::ControlValues limit(std::uint64_t pages, std::uint64_t threads, std::uint64_t enclaves) {
        auto values =
            ground_->machine().control().call(abi::Command::kSetTenant, {kTenant, pages, threads, enclaves});
        EXPECT_TRUE(values.ok());
        return values.ok() ? values.value() : host::ControlValues{};
    }
    // A started bomb of the tenant; nothing, with a failure, if it cannot be.
    std::optional<NativeEnclave> bomb(BombKind kind, std::uint64_t pages) {
        const NativeImage image{(programs_dir() / "bomb").string()};
        auto created = NativeEnclave::create(ground_->machine(), image,
                                             {.memory_limit_pages = pages, .tenant = kTenant});
        if (!created.ok()) {
            ADD_FAILURE() << created.error().text();
            return std::nullopt;
        }
        auto enclave = created.take();
        status_of(enclave).kind = static_cast<std::uint32_t>(kind);
        EXPECT_TRUE(enclave.start().ok());
        return enclave;
    }
    static volatile BombStatus& status_of(NativeEnclave& enclave) {
        return *reinterpret_cast<volatile BombStatus*>(enclave.io_data().data());
    }
    // It met its limit, and ends by itself.
    static void expect_defused(NativeEnclave& enclave) {
        const auto ended = enclave.wait(std::chrono::seconds{60});
        ASSERT_TRUE(ended);
        EXPECT_EQ(ended->code, 42u) << describe(*ended);
    }
    HostileGround* ground_ = nullptr;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Bombs);

TEST_P(Bombs, ThreadsEndAtTheEnclavesLimit) {
    auto enclave = bomb(BombKind::kThreads, 300);
    ASSERT_TRUE(enclave);
    expect_defused(*enclave);
    EXPECT_GT(status_of(*enclave).made, 50u);
    EXPECT_LT(status_of(*enclave).made, 300u);
}

TEST_P(Bombs, ThreadsEndAtTheTenantsLimit) {
    limit(kUnlimited, 40, kUnlimited);
    auto first = bomb(BombKind::kThreads, 4096);
    ASSERT_TRUE(first);
    ASSERT_TRUE(first->wait(std::chrono::seconds{60}));
    EXPECT_EQ(status_of(*first).made, 39u);
}

TEST_P(Bombs, MemoryEndsAtTheTenantsLimit) {
    limit(2000, kUnlimited, kUnlimited);
    std::vector<NativeEnclave> enclaves;
    for (int i = 0; i < 4; i++) {
        auto enclave = bomb(BombKind::kMemory, 100'000);
        ASSERT_TRUE(enclave);
        enclaves.push_back(std::move(*enclave));
    }
    std::uint64_t made = 0;
    for (auto& enclave : enclaves) {
        const auto ended = enclave.wait(std::chrono::seconds{60});
        ASSERT_TRUE(ended);
        EXPECT_EQ(ended->reason, static_cast<std::uint32_t>(abi::EndReason::kMemoryLimit))
            << describe(*ended);
        made = std::max<std::uint64_t>(made, status_of(enclave).made);
    }
    EXPECT_GT(made, 100u);
    EXPECT_LT(made, 2000u);
}

TEST_P(Bombs, ObjectsEndAtTheEnclavesLimit) {
    auto enclave = bomb(BombKind::kObjects, 500);
    ASSERT_TRUE(enclave);
    expect_defused(*enclave);
    EXPECT_GT(status_of(*enclave).made, 100u);
}

TEST_P(Bombs, ForksEndAtTheTenantsLimit) {
    limit(kUnlimited, kUnlimited, 25);
    Probe probe{ground_->machine(), 16, kTenant};
    std::vector<Probe::Instance> instances;
    std::string refusal;
    while (instances.size() < 1000) {
        auto forked = probe.fork(instances.size());
        if (!forked.ok()) {
            refusal = forked.error().text();
            break;
        }
        instances.push_back(forked.take());
    }
    EXPECT_EQ(instances.size(), 24u) << "with the template itself, 25";
    EXPECT_NE(refusal.find("tenant"), std::string::npos) << refusal;
    // Those that it has work on.
    ASSERT_TRUE(probe.call(instances[7], ProbeOperation::kWrite, 3, 77));
    ASSERT_TRUE(probe.call(instances[7], ProbeOperation::kRead, 3));
    EXPECT_EQ(instances[7].slot->result, 77u);
    for (const auto& instance : instances) EXPECT_TRUE(probe.destroy(instance).ok());
}

// A tenant that is out of pages cannot fork, and those of its instances that need
// one end; it gets over it.
TEST_P(Bombs, ForksEndAtTheTenantsPages) {
    Probe probe{ground_->machine(), 16, kTenant};
    const std::uint64_t used = limit(kUnlimited, kUnlimited, kUnlimited)[0];
    limit(used + 10, kUnlimited, kUnlimited);
    std::vector<Probe::Instance> instances;
    for (std::uint64_t i = 0; i < 100; i++) {
        auto forked = probe.fork(i);
        if (!forked.ok()) break;
        instances.push_back(forked.take());
    }
    EXPECT_GT(instances.size(), 0u);
    EXPECT_LT(instances.size(), 100u);
    limit(kUnlimited, kUnlimited, kUnlimited);
    for (const auto& instance : instances) EXPECT_TRUE(probe.destroy(instance).ok());
    auto forked = probe.fork(0);
    ASSERT_TRUE(forked.ok()) << forked.error().text();
    EXPECT_TRUE(probe.call(forked.value(), ProbeOperation::kRead, 3));
    EXPECT_EQ(forked.value().slot->result, 4u);
    EXPECT_TRUE(probe.destroy(forked.value()).ok());
}

}  // namespace
}  // namespace enclavisor::tests

// Freezing and forking in a VM: instances share, diverge, and leave nothing behind.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/probe.hpp"

namespace enclavisor::tests {
namespace {

class Templates : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        machine_ = launch(machine_options(GetParam()));
        ASSERT_NE(machine_, nullptr);
    }
    std::uint64_t free_frames() {
        const auto stats = machine_->stats();
        EXPECT_TRUE(stats.ok());
        return stats.ok() ? stats.value().free_frames : 0;
    }
    std::unique_ptr<host::Machine> machine_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Templates);

constexpr std::uint64_t kPages = 1024;

TEST_P(Templates, InstancesBeginAlikeAndDiverge) {
    Probe probe{*machine_, kPages};
    std::vector<Probe::Instance> instances;
    std::set<std::uint64_t> randoms, handles;
    const std::uint64_t before = free_frames();
    for (std::uint64_t i = 0; i < 20; i++) {
        auto forked = probe.fork(i);
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        instances.push_back(forked.take());
        const auto& instance = instances.back();
        ASSERT_TRUE(probe.call(instance, ProbeOperation::kRead, 700));
        EXPECT_EQ(instance.slot->result, 701u) << "what the template left there";
        ASSERT_TRUE(probe.call(instance, ProbeOperation::kWrite, 700, 1000 + i));
        EXPECT_EQ(instance.slot->instance, instance.handle);
        randoms.insert(std::uint64_t{instance.slot->random});
        handles.insert(instance.handle);
    }
    EXPECT_EQ(randoms.size(), 20u);
    EXPECT_EQ(handles.size(), 20u);
    for (std::uint64_t i = 0; i < 20; i++) {
        ASSERT_TRUE(probe.call(instances[i], ProbeOperation::kRead, 700));
        EXPECT_EQ(instances[i].slot->result, 1000 + i);
        ASSERT_TRUE(probe.call(instances[i], ProbeOperation::kRead, 701));
        EXPECT_EQ(instances[i].slot->result, 702u);
    }
    EXPECT_LT(before - free_frames(), 20u * 16) << "an instance costs a few pages, not the heap's";
    for (const auto& instance : instances) ASSERT_TRUE(probe.destroy(instance).ok());
    EXPECT_EQ(free_frames(), before);
}

TEST_P(Templates, ATemplateStaysWhileItHasInstances) {
    const std::uint64_t before = free_frames();
    {
        Probe probe{*machine_, kPages};
        auto forked = probe.fork(0);
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        const auto instance = forked.take();
        EXPECT_FALSE(probe.enclave().stop().ok());
        ASSERT_TRUE(probe.call(instance, ProbeOperation::kRead, 0));
        EXPECT_EQ(instance.slot->result, 1u);
        ASSERT_TRUE(probe.destroy(instance).ok());
    }
    EXPECT_EQ(free_frames(), before);
}

TEST_P(Templates, AParkedInstanceCostsTwoPagesUntilItIsCalled) {
    Probe probe{*machine_, kPages, 0, true};
    const std::uint64_t before = free_frames();
    std::vector<Probe::Instance> instances;
    for (std::uint64_t i = 0; i < 50; i++) {
        auto forked = probe.fork(i);
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        instances.push_back(forked.take());
    }
    EXPECT_EQ(before - free_frames(), 2 * 50u);
    for (std::uint64_t i = 0; i < 50; i++) {
        ASSERT_TRUE(probe.call(instances[i], ProbeOperation::kWrite, 700, i));
        ASSERT_TRUE(probe.call(instances[i], ProbeOperation::kRead, 700));
        EXPECT_EQ(instances[i].slot->result, i);
        EXPECT_EQ(instances[i].slot->instance, instances[i].handle);
    }
    for (const auto& instance : instances) ASSERT_TRUE(probe.destroy(instance).ok());
    EXPECT_EQ(free_frames(), before);
}

TEST_P(Templates, APausedInstanceWaits) {
    Probe probe{*machine_, kPages};
    auto forked = probe.fork(0);
    ASSERT_TRUE(forked.ok()) << forked.error().text();
    const auto instance = forked.take();
    ASSERT_TRUE(probe.call(instance, ProbeOperation::kWrite, 3, 33));
    ASSERT_TRUE(machine_->control().call(abi::Command::kPause, {instance.handle}).ok());
    instance.slot->operation = static_cast<std::uint32_t>(ProbeOperation::kRead);
    instance.slot->page = 3;
    instance.slot->request = instance.slot->request + 1;
    ASSERT_TRUE(machine_->control().call(abi::Command::kNotify, {instance.handle}).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds{30});
    EXPECT_NE(instance.slot->done, instance.slot->request) << "it ran while it was paused";
    ASSERT_TRUE(machine_->control().call(abi::Command::kResume, {instance.handle}).ok());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (instance.slot->done != instance.slot->request && std::chrono::steady_clock::now() < end) {
    }
    EXPECT_EQ(instance.slot->result, 33u);
    ASSERT_TRUE(probe.destroy(instance).ok());
}

}  // namespace
}  // namespace enclavisor::tests

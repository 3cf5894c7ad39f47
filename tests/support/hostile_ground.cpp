#include "tests/support/hostile_ground.hpp"

#include <map>
#include <thread>

namespace enclavisor::tests {
namespace {

std::map<host::Platform, std::unique_ptr<HostileGround>>& grounds() {
    static std::map<host::Platform, std::unique_ptr<HostileGround>> all;
    return all;
}

constexpr std::uint64_t kEscapedStatus = 66;
constexpr std::uint64_t kVictimRight = 42;

}  // namespace

HostileGround::HostileGround(std::unique_ptr<host::Machine> machine)
    : machine_{std::move(machine)}, victim_image_{(programs_dir() / "victim").string()} {
    auto victim = NativeEnclave::create(*machine_, victim_image_);
    if (!victim.ok()) {
        ADD_FAILURE() << "victim: " << victim.error().text();
        return;
    }
    machine_->control().set_timeout(std::chrono::seconds{20});
    victim_.emplace(victim.take());
    const auto started = victim_->start();
    EXPECT_TRUE(started.ok());
    expect_unharmed();
    const auto stats = machine_->stats();
    if (stats.ok()) free_frames_ = stats.value().free_frames;
}

HostileGround* HostileGround::on(host::Platform platform) {
    auto& ground = grounds()[platform];
    if (!ground || ground->harmed_) {
        auto machine = launch(machine_options(platform));
        if (machine) ground.reset(new HostileGround{std::move(machine)});
    }
    if (!ground || !ground->victim_) return nullptr;
    return ground.get();
}

void HostileGround::finish() {
    for (auto& [platform, ground] : grounds()) {
        SCOPED_TRACE(platform_test_name(platform));
        if (ground && ground->victim_ && !ground->harmed_) ground->end();
    }
    grounds().clear();
}

void HostileGround::end() {
    const auto stats = machine_->stats();
    ASSERT_TRUE(stats.ok()) << machine_->log();
    EXPECT_EQ(stats.value().free_frames, free_frames_) << "frames were lost";
    // The word after the rounds asks the victim to end.
    reinterpret_cast<volatile std::uint64_t*>(victim_->io_data().data())[1] = 1;
    const auto status = victim_->wait(std::chrono::seconds{20});
    ASSERT_TRUE(status) << "the victim does not end";
    EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*status);
    EXPECT_EQ(status->code, kVictimRight) << "the victim's data was changed";
    victim_.reset();
}

std::uint64_t HostileGround::victim_rounds() {
    return *reinterpret_cast<volatile std::uint64_t*>(victim_->io_data().data());
}

void HostileGround::expect_unharmed() {
    const std::uint64_t before = victim_rounds();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (victim_rounds() == before && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
    EXPECT_GT(victim_rounds(), before) << "the victim makes no progress";
    const auto health = healthy(*machine_);
    EXPECT_TRUE(health);
    harmed_ = !health || victim_rounds() == before;
}

std::optional<abi::EnclaveStatus> HostileGround::run_to_end(const NativeImage& image, std::uint64_t entry,
                                                            bool stop) {
    NativeOptions options;
    options.entry = entry;
    auto created = NativeEnclave::create(*machine_, image, options);
    if (!created.ok()) {
        ADD_FAILURE() << created.error().text();
        return std::nullopt;
    }
    auto enclave = created.take();
    const auto started = enclave.start();
    if (!started.ok()) {
        ADD_FAILURE() << started.error().text();
        return std::nullopt;
    }
    if (stop) {
        const auto early = enclave.wait(std::chrono::milliseconds{60});
        if (early) return early;
        const auto stopped = enclave.stop();
        EXPECT_TRUE(stopped.ok()) << (stopped.ok() ? "" : stopped.error().text());
    }
    auto status = enclave.wait(std::chrono::seconds{10});
    if (!status) {
        ADD_FAILURE() << "neither ended nor stopped; log:\n" << machine_->log();
        (void)enclave.stop();
    }
    const auto destroyed = enclave.destroy();
    EXPECT_TRUE(destroyed.ok()) << (destroyed.ok() ? "" : destroyed.error().text());
    return status;
}

void HostileGround::run(const NativeImage& image, std::uint64_t entry, const Expectation& expected) {
    const auto status = run_to_end(image, entry, expected.reason == abi::EndReason::kStopped);
    if (!status) return;
    const auto reason = static_cast<abi::EndReason>(status->reason);
    EXPECT_FALSE(reason == abi::EndReason::kExited && status->code == kEscapedStatus)
        << "the attack went through";
    if (expected.reason != abi::EndReason::kNone) {
        EXPECT_EQ(reason, expected.reason) << describe(*status);
    }
    if (reason == abi::EndReason::kFault || reason == abi::EndReason::kExited) {
        EXPECT_TRUE(status->code < 64 && (expected.codes >> status->code & 1) != 0) << describe(*status);
    }
}

}  // namespace enclavisor::tests

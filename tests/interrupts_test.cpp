// A hypervisor that sends interrupts of its own making: every vector that the
// local APIC takes, to a busy and to an idle CPU. QEMU's qtest protocol writes
// the message-signalled interrupts.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {
namespace {

class QtestClient {
public:
    explicit QtestClient(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_STREAM, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        for (int i = 0; i < 100 && !connected_; i++) {
            connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
            if (!connected_) std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
    }
    ~QtestClient() { ::close(fd_); }
    QtestClient(const QtestClient&) = delete;

    // One interrupt message to the local APIC 0.
    bool send_interrupt(unsigned vector) {
        const std::string line = "writel 0xfee00000 " + std::to_string(vector) + "\n";
        if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return false;
        char answer[64];
        const ssize_t size = ::read(fd_, answer, sizeof(answer));
        return size >= 2 && answer[0] == 'O' && answer[1] == 'K';
    }
    bool connected() const { return connected_; }

private:
    int fd_;
    bool connected_ = false;
};

class Interrupts : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        char path[] = "/tmp/enclavisor-qtest-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        directory_ = path;
        const std::string socket = directory_ / "qtest";
        host::MachineOptions options = machine_options(GetParam());
        options.extra_arguments = {"-qtest", "unix:" + socket + ",server=on,wait=off", "-qtest-log", "none"};
        machine_ = launch(options);
        ASSERT_NE(machine_, nullptr);
        qtest_ = std::make_unique<QtestClient>(socket);
        ASSERT_TRUE(qtest_->connected());
    }
    void TearDown() override {
        qtest_.reset();
        machine_.reset();
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }
    void send_all_vectors(int rounds) {
        for (int round = 0; round < rounds; round++) {
            for (unsigned vector = 16; vector < 256; vector++) ASSERT_TRUE(qtest_->send_interrupt(vector));
        }
    }
    // Until so many arrived; otherwise these tests would show nothing. The kernel takes
    // them one by one, and those that wait with the same vector are one.
    void send_until_ignored(std::uint64_t least) {
        std::uint64_t ignored = 0;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (ignored <= least && std::chrono::steady_clock::now() < end) {
            send_all_vectors(1);
            const auto stats = machine_->stats();
            ASSERT_TRUE(stats.ok()) << machine_->log();
            ignored = stats.value().ignored_interrupts;
        }
        EXPECT_GT(ignored, least);
    }

    std::filesystem::path directory_;
    std::unique_ptr<host::Machine> machine_;
    std::unique_ptr<QtestClient> qtest_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Interrupts);

TEST_P(Interrupts, OfEveryVectorLeaveAnIdleKernelAlive) {
    for (int round = 0; round < 5; round++) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});  // it halts
        send_all_vectors(1);
        ASSERT_TRUE(healthy(*machine_)) << round;
    }
    send_until_ignored(200);
}

TEST_P(Interrupts, OfEveryVectorDoNotTouchARunningEnclave) {
    const NativeImage victim{(programs_dir() / "victim").string()};
    auto created = NativeEnclave::create(*machine_, victim);
    ASSERT_TRUE(created.ok()) << created.error().text();
    auto enclave = created.take();
    ASSERT_TRUE(enclave.start().ok());
    auto* words = reinterpret_cast<volatile std::uint64_t*>(enclave.io_data().data());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (words[0] == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    const std::uint64_t before = words[0];
    send_all_vectors(20);
    send_until_ignored(1000);
    ASSERT_TRUE(healthy(*machine_));
    while (words[0] <= before + 1 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    words[1] = 1;
    const auto status = enclave.wait(std::chrono::seconds{20});
    ASSERT_TRUE(status) << "the victim does not end";
    EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*status);
    EXPECT_EQ(status->code, 42u);
}

}  // namespace
}  // namespace enclavisor::tests

// A hostile host: it lies in every forwarded call, overwrites shared memory
// while enclaves work, and sends malformed commands. The kernel never panics;
// at worst the one enclave ends.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <random>
#include <thread>

#include "abi/enclave/config.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/lib/shared_word.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/liar.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

class HostileHost : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        machine_ = launch(machine_options(GetParam()));
        ASSERT_NE(machine_, nullptr);
        before_ = std::filesystem::current_path();
        std::filesystem::current_path(directory_.path());
    }
    void TearDown() override {
        std::filesystem::current_path(before_);
        if (machine_) {
            EXPECT_TRUE(healthy(*machine_));
        }
    }
    TempDir directory_;
    std::filesystem::path before_;
    std::unique_ptr<host::Machine> machine_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(HostileHost);

// The tour of that call: bare, but for the one that only a manifest's trusted files need.
host::Result<host::Application> tour_of(const abi::CallSpec& spec) {
    const std::string program = (programs_dir() / "forwarded_tour").string();
    if (spec.call != abi::ForwardedCall::kReadHashes) return host::describe_program(program, 64ull << 20);
    write_file("trusted", "trusted");
    write_file("tour.toml",
               "entrypoint = \"" + program +
                   "\"\ninsecure__use_host_argv = true\n"
                   "[[fs.mounts]]\ntype = \"trusted\"\npath = \"/trusted\"\nuri = \"trusted\"\n"
                   "[[fs.mounts]]\ntype = \"insecure__passthrough\"\npath = \"/host\"\nuri = \".\"\n");
    return host::describe_manifest("tour.toml");
}

TEST_P(HostileHost, LiesInEachForwardedCallDoNotGetThrough) {
    constexpr unsigned kRounds = 24;
    const unsigned lies = soak_seconds(0) > 0 ? 240 : 64;
    std::string never_asked;
    for (const auto& spec : abi::kForwardedCalls) {
        SCOPED_TRACE(std::string{spec.name});
        auto described = tour_of(spec);
        ASSERT_TRUE(described.ok()) << described.error().text();
        const auto application = described.take();
        // An enclave that ends because its host lies is right to do so; the next
        // one then gets the lies that follow.
        for (unsigned lie = 0; lie < lies;) {
            auto built = host::Enclave::build(*machine_, application.image);
            ASSERT_TRUE(built.ok()) << built.error().text();
            auto enclave = built.take();
            Liar liar{spec.call, lie, enclave.hashes()};
            enclave.attach_handler([&](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
                return liar.answer(entry, data);
            });
            host::StartParameters start;
            start.arguments = {"forwarded_tour", std::string{spec.name}, std::to_string(kRounds)};
            ASSERT_TRUE(enclave.hand_over(start).ok());
            ASSERT_TRUE(enclave.start().ok());
            const auto status = enclave.wait(std::chrono::seconds{60});
            ASSERT_TRUE(status.ok()) << status.error().text() << " after lie " << liar.next_lie() << "\n"
                                     << machine_->log();
            const auto reason = static_cast<abi::EndReason>(status.value().reason);
            if (reason == abi::EndReason::kExited) {
                ASSERT_EQ(status.value().code, 0u)
                    << "the program saw a broken contract, about lie " << liar.next_lie();
            } else {
                ASSERT_EQ(reason, abi::EndReason::kHostProtocol) << describe(status.value());
            }
            if (liar.lies_told() == 0) {
                never_asked += std::string{spec.name} + " ";
                break;
            }
            lie = liar.next_lie();
        }
        ASSERT_TRUE(healthy(*machine_));
    }
    EXPECT_EQ(never_asked, "") << "no lie was told: a call that nobody makes has no place in the table";
}

// --- Trusted files -----------------------------------------------------------

// What the host does with a trusted file of four chunks, after the program has it open.
struct TrustedAttack {
    const char* name;
    // Of a read at `offset` that gave `count` bytes; the count that is claimed.
    std::int64_t (*on_read)(std::span<std::byte> read, std::uint64_t offset, std::int64_t count);
    std::int64_t (*on_hashes)(std::span<std::byte> read, std::int64_t count);
    const char* expected;  // what the program says
};

std::int64_t honest(std::span<std::byte>, std::int64_t count) {
    return count;
}

constexpr TrustedAttack kTrustedAttacks[] = {
    {"none", [](std::span<std::byte>, std::uint64_t, std::int64_t count) { return count; }, honest,
     "52544 bytes\n"},
    {"changes the third chunk",
     [](std::span<std::byte> read, std::uint64_t offset, std::int64_t count) {
         if (offset >= 2 * abi::kTrustedChunk && offset < 3 * abi::kTrustedChunk) read[0] ^= std::byte{1};
         return count;
     },
     honest, "32768 bytes, then I/O error\n"},
    {"shows an older file, shorter by a byte",
     [](std::span<std::byte>, std::uint64_t offset, std::int64_t count) {
         return offset >= 3 * abi::kTrustedChunk ? std::max<std::int64_t>(count - 1, 0) : count;
     },
     honest, "49152 bytes, then I/O error\n"},
    {"has nothing", [](std::span<std::byte>, std::uint64_t, std::int64_t) { return std::int64_t{0}; }, honest,
     "0 bytes, then I/O error\n"},
    {"has another list of hashes",
     [](std::span<std::byte>, std::uint64_t, std::int64_t count) { return count; },
     [](std::span<std::byte> read, std::int64_t count) {
         read[33] ^= std::byte{1};
         return count;
     },
     "cannot open: Permission denied\n"},
    {"has half a list", [](std::span<std::byte>, std::uint64_t, std::int64_t count) { return count; },
     [](std::span<std::byte>, std::int64_t) { return std::int64_t{0}; }, "cannot open: I/O error\n"},
};

// What the program prints whose host attacks so.
std::string output_under(host::Machine& machine, const host::Application& application,
                         const TrustedAttack& attack) {
    auto built = host::Enclave::build(machine, application.image);
    if (!built.ok()) return built.error().text();
    auto enclave = built.take();
    host::Executor executor{{}};
    executor.serve_hashes(enclave.hashes());
    std::string output;
    enclave.attach_handler([&](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
        const auto call = static_cast<abi::ForwardedCall>(entry.call);
        const auto at = entry.arguments[1];
        if (call == abi::ForwardedCall::kWrite) {
            output.append(reinterpret_cast<const char*>(data.data()) + at, entry.arguments[2]);
            return static_cast<std::int64_t>(entry.arguments[2]);
        }
        const std::int64_t result = executor.execute(entry, data);
        if (result <= 0) return result;
        const auto read = data.subspan(at < data.size() ? at : 0);
        if (call == abi::ForwardedCall::kPread) return attack.on_read(read, entry.arguments[3], result);
        return call == abi::ForwardedCall::kReadHashes ? attack.on_hashes(read, result) : result;
    });
    if (!enclave.hand_over({}).ok() || !enclave.start().ok()) return "it does not start";
    const auto status = enclave.wait(std::chrono::seconds{60});
    if (!status.ok()) return status.error().text();
    return static_cast<abi::EndReason>(status.value().reason) == abi::EndReason::kExited
               ? output
               : describe(status.value());
}

TEST_P(HostileHost, TrustedFilesAreTheirHashesOrNothing) {
    const auto size = 3 * abi::kTrustedChunk + 3392;
    std::string content(size, 'a');
    for (std::size_t i = 0; i < size; i += 97) content[i] = static_cast<char>('b' + i % 20);
    write_file("trusted", content);
    for (const std::string how : {"", "\"map\", "}) {
        SCOPED_TRACE(how);
        write_file("reader.toml", "entrypoint = \"" + (programs_dir() / "trusted_reader").string() +
                                      "\"\nargv = [\"reader\", " + how +
                                      "\"/trusted\"]\n[[fs.mounts]]\ntype = \"trusted\"\n"
                                      "path = \"/trusted\"\nuri = \"trusted\"\n");
        auto described = host::describe_manifest("reader.toml");
        ASSERT_TRUE(described.ok()) << described.error().text();
        for (const TrustedAttack& attack : kTrustedAttacks) {
            SCOPED_TRACE(attack.name);
            EXPECT_EQ(output_under(*machine_, described.value(), attack), attack.expected);
        }
    }
}

// Random commands, with handles that exist and arguments near the limits.
TEST_P(HostileHost, MalformedCommandsAreRefused) {
    const NativeImage image{(programs_dir() / "victim").string()};
    auto created = NativeEnclave::create(*machine_, image);
    ASSERT_TRUE(created.ok());
    auto victim = created.take();
    ASSERT_TRUE(victim.start().ok());
    // Its pages come with its first round; the attestation enclave's, which it
    // keeps, with the first enclaves in a slot.
    for (int i = 0; i < 600 && *reinterpret_cast<volatile std::uint64_t*>(victim.io_data().data()) == 0;
         i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    {
        std::vector<NativeEnclave> first;
        for (int i = 0; i < 12; i++) {
            auto enclave = NativeEnclave::create(*machine_, image);
            ASSERT_TRUE(enclave.ok());
            first.push_back(enclave.take());
        }
    }
    const auto free_before = machine_->stats();
    ASSERT_TRUE(free_before.ok());

    std::mt19937_64 random{7};
    std::vector<std::uint64_t> handles;
    const auto interesting = [&]() -> std::uint64_t {
        const std::uint64_t values[] = {0,
                                        1,
                                        2,
                                        3,
                                        5,
                                        7,
                                        64,
                                        0xfff,
                                        0x1000,
                                        0x1001,
                                        0x10000,
                                        0x400000,
                                        0x40000000,
                                        abi::kEnclaveEnd,
                                        abi::kEnclaveEnd - 0x1000,
                                        abi::kIoPoolOffset,
                                        abi::kLinkDefaultSize,
                                        abi::kControlDataSize,
                                        abi::kIoAreaPages,
                                        ~0ull,
                                        ~0ull << 12,
                                        1ull << 63,
                                        0x8000'0000'0000,
                                        0xffff'8000'0000'0000,
                                        abi::kThreadBlockBase,
                                        abi::kIoAreaBase,
                                        abi::kMaxEnclaves,
                                        1ull << 52};
        switch (random() % 4) {
            case 0:
                return random();
            case 1:
                return handles.empty() ? 0 : handles[random() % handles.size()];
            default:
                return values[random() % std::size(values)];
        }
    };
    const int rounds = soak_seconds(0) > 0 ? 200'000 : 20'000;
    for (int i = 0; i < rounds; i++) {
        abi::ControlCommand command{};
        command.command = random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : random() % 13;
        for (auto& argument : command.arguments) argument = interesting();
        if (!handles.empty() && random() % 4 != 0) command.arguments[0] = handles[random() % handles.size()];
        if (command.arguments[0] == victim.handle()) continue;
        const auto completion = machine_->control().submit(command);
        ASSERT_TRUE(completion.ok()) << completion.error().text() << "\n" << machine_->log();
        if (completion.value().status != 0) continue;
        if (command.command == static_cast<std::uint32_t>(abi::Command::kCreate)) {
            handles.push_back(completion.value().values[0]);
        }
        if (command.command == static_cast<std::uint32_t>(abi::Command::kDestroy)) {
            std::erase(handles, command.arguments[0]);
        }
        if (handles.size() > 8) {
            (void)machine_->control().call(abi::Command::kStop, {handles.front()});
            ASSERT_TRUE(machine_->control().call(abi::Command::kDestroy, {handles.front()}).ok());
            handles.erase(handles.begin());
        }
    }
    for (const std::uint64_t handle : handles) {
        (void)machine_->control().call(abi::Command::kStop, {handle});
        EXPECT_TRUE(machine_->control().call(abi::Command::kDestroy, {handle}).ok());
    }
    const auto free_after = machine_->stats();
    ASSERT_TRUE(free_after.ok());
    EXPECT_EQ(free_after.value().free_frames, free_before.value().free_frames);
    reinterpret_cast<volatile std::uint64_t*>(victim.io_data().data())[1] = 1;
    const auto status = victim.wait(std::chrono::seconds{20});
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code, 42u) << describe(*status);
}

// What of the link the corrupting thread leaves alone: the guest's own words
// of the header and the victim's status record, by which we judge, and the
// victim's I/O area, through which we end it.
class Corruption {
public:
    Corruption(host::Machine& machine, std::uint64_t seed,
               std::vector<std::pair<std::uint64_t, std::uint64_t>> spared)
        : bytes_{machine.link().bytes()},
          spared_{std::move(spared)},
          doorbell_{machine.guest_doorbell()},
          random_{seed} {
        thread_ = std::thread{[this] {
            while (!stop_.load()) scribble();
        }};
    }
    ~Corruption() {
        stop_ = true;
        thread_.join();
    }
    std::uint64_t writes() const { return writes_.load(); }

private:
    void scribble() {
        // Mostly where something listens: control ring and I/O pool headers.
        std::uint64_t offset;
        switch (random_() % 4) {
            case 0:
                offset = abi::kControlOffset + random_() % 0x1100;
                break;
            case 1:
                offset = abi::kIoPoolOffset + random_() % 0x8'0000;
                break;
            case 2:
                offset = random_() % 0x40;
                break;
            default:
                offset = random_() % (bytes_.size() - 8);
        }
        offset &= ~7ull;
        for (const auto& [begin, end] : spared_) {
            if (offset >= begin && offset < end) return;
        }
        const std::uint64_t values[] = {random_(), random_() & 0xff,   ~0ull,     0,
                                        1,         random_() & 0xffff, 1ull << 63};
        *reinterpret_cast<volatile std::uint64_t*>(bytes_.data() + offset) =
            values[random_() % std::size(values)];
        if (++writes_ % 4096 == 0) {
            host::ring(doorbell_);
            std::this_thread::sleep_for(std::chrono::microseconds{100});
        }
    }

    std::span<std::byte> bytes_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spared_;
    int doorbell_;
    std::mt19937_64 random_;
    std::atomic<std::uint64_t> writes_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

TEST_P(HostileHost, CorruptedSharedMemoryHarmsOnlyWhoListens) {
    const NativeImage image{(programs_dir() / "victim").string()};
    auto created = NativeEnclave::create(*machine_, image);
    ASSERT_TRUE(created.ok());
    auto victim = created.take();
    ASSERT_TRUE(victim.start().ok());
    // Process enclaves that call their host all the time.
    auto described = host::describe_program("/bin/busybox", 32ull << 20);
    ASSERT_TRUE(described.ok());
    const auto application = described.take();
    std::vector<host::Enclave> workers;
    host::Executor executor{{}};
    for (int i = 0; i < 3; i++) {
        auto built = host::Enclave::build(*machine_, application.image);
        ASSERT_TRUE(built.ok()) << built.error().text();
        workers.push_back(built.take());
        workers.back().attach_handler([&](const abi::SubmissionEntry& entry,
                                          std::span<std::byte> data) -> std::int64_t {
            // The corruption also makes up calls; none of them may harm this process.
            const auto call = static_cast<abi::ForwardedCall>(entry.call);
            if (call == abi::ForwardedCall::kFstatat || call == abi::ForwardedCall::kStatx)
                return executor.execute(entry, data);
            return call == abi::ForwardedCall::kWrite ? static_cast<std::int64_t>(entry.arguments[2]) : -2;
        });
        host::StartParameters start;
        start.arguments = {"/bin/busybox", "ash", "-c",
                           "while :; do test -e /etc/hostname; echo $((1 + 1)); done"};
        ASSERT_TRUE(workers.back().hand_over(start).ok());
        ASSERT_TRUE(workers.back().start().ok());
    }

    const auto slot = abi::slot_of(victim.handle());
    const auto io = static_cast<std::uint64_t>(victim.io_data().data() - machine_->link().bytes().data()) -
                    abi::kIoDataOffset;
    const std::uint64_t record = abi::kStatusOffset + slot * sizeof(abi::EnclaveStatus);
    std::uint64_t writes = 0;
    {
        Corruption corruption{*machine_,
                              3,
                              {{offsetof(abi::LinkHeader, guest_state), sizeof(abi::LinkHeader)},
                               {record, record + sizeof(abi::EnclaveStatus)},
                               {io, io + abi::kIoAreaPages * abi::kPageSize}}};
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak_seconds(60)};
        const auto* rounds = reinterpret_cast<volatile std::uint64_t*>(victim.io_data().data());
        while (std::chrono::steady_clock::now() < end) {
            const std::uint64_t seen = *rounds;
            for (int i = 0; i < 200 && *rounds == seen; i++)
                std::this_thread::sleep_for(std::chrono::milliseconds{100});
            ASSERT_GT(*rounds, seen) << "the victim stands still; log:\n" << machine_->log();
            ASSERT_EQ(machine_->guest_state(), abi::GuestState::kReady) << machine_->log();
            ASSERT_TRUE(machine_->running()) << machine_->log();
        }
        writes = corruption.writes();
    }
    EXPECT_GT(writes, 10'000u);
    EXPECT_EQ(machine_->log().find("panic"), std::string::npos) << machine_->log();
    reinterpret_cast<volatile std::uint64_t*>(victim.io_data().data())[1] = 1;
    const auto status = victim.wait(std::chrono::seconds{20});
    ASSERT_TRUE(status) << "the victim does not end";
    EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*status);
    EXPECT_EQ(status->code, 42u) << describe(*status);
    // The control client cannot know where the ring stands now; the VM goes.
    machine_->control().set_timeout(std::chrono::milliseconds{200});
    workers.clear();
    { const NativeEnclave gone{std::move(victim)}; }
    machine_.reset();
}

}  // namespace
}  // namespace enclavisor::tests

// What the host can see of an enclave's memory. On sim-sev the hypervisor's
// view is the shared backing, which must not hold an enclave's secrets. On
// plain nothing hides them: there the same search must find them, or it would
// prove nothing.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {
namespace {

// As in tests/programs/hostile/victim.cpp.
constexpr std::string_view kSecret = "victim-secret-9f3b1c77-not-for-the-host";

std::size_t occurrences(std::span<const std::byte> memory, std::string_view what) {
    const std::string_view text{reinterpret_cast<const char*>(memory.data()), memory.size()};
    std::size_t count = 0;
    const std::boyer_moore_horspool_searcher searcher{what.begin(), what.end()};
    for (auto at = text.begin(); (at = std::search(at, text.end(), searcher)) != text.end(); ++at) count++;
    return count;
}

class Secrecy : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_BOTH_PLATFORMS(Secrecy);

TEST_P(Secrecy, EnclaveMemoryIsHiddenWhereThePlatformHidesIt) {
    auto options = machine_options(GetParam());
    options.expose_memory = true;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const NativeImage image{(programs_dir() / "victim").string()};
    auto created = NativeEnclave::create(*machine, image);
    ASSERT_TRUE(created.ok()) << created.error().text();
    auto enclave = created.take();
    ASSERT_TRUE(enclave.start().ok());
    const auto* rounds = reinterpret_cast<volatile std::uint64_t*>(enclave.io_data().data());
    for (int i = 0; i < 10000 && *rounds == 0; i++) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    ASSERT_GT(*rounds, 0u) << "the victim does not run";

    // The host itself put the page through the link to have it added; that copy
    // is no find of ours.
    auto data = machine->link().control_data();
    std::fill(data.begin(), data.end(), std::byte{0});
    EXPECT_EQ(occurrences(machine->link().bytes(), kSecret), 0u) << "the secret lies in the link";

    const std::size_t in_shared = occurrences(machine->shared_memory(), kSecret);
    if (GetParam() == host::Platform::kPlain) {
        EXPECT_GT(in_shared, 0u) << "the search finds nothing where nothing is hidden";
    } else {
        EXPECT_EQ(in_shared, 0u) << "an enclave's page, or a copy of it, is shared";
        EXPECT_GT(occurrences(machine->private_memory(), kSecret), 0u) << "the secret must be somewhere";
    }
}

// As in tests/programs/object_secrets.c.
std::string computed_text(int variant) {
    std::string text;
    for (int i = 0; i < 48; i++) text += static_cast<char>('A' + (i * i * 7 + i * variant + 3) % 26);
    return text;
}

// Pipes, sockets, counters and what epoll is told: the host sees none of it, at none of
// the program's calls.
TEST_P(Secrecy, ObjectsOfTheEnclaveStayInside) {
    const auto machine = launch(machine_options(GetParam()));
    ASSERT_NE(machine, nullptr);
    auto described = host::describe_program(programs_dir() / "object_secrets", 32ull << 20);
    ASSERT_TRUE(described.ok()) << described.error().text();
    const auto application = described.take();
    auto built = host::Enclave::build(*machine, application.image);
    ASSERT_TRUE(built.ok()) << built.error().text();
    auto enclave = built.take();
    const std::string secret = computed_text(5), published = computed_text(11);
    host::Executor executor{{}};
    std::string written;
    std::size_t found = 0, calls = 0, published_found = 0;
    enclave.attach_handler([&](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
        const auto all = machine->link().bytes();
        calls++;
        found += occurrences(all, secret.substr(0, 8)) + occurrences(all, secret.substr(20, 8));
        published_found += occurrences(all, published);
        if (static_cast<abi::ForwardedCall>(entry.call) != abi::ForwardedCall::kWrite)
            return executor.execute(entry, data);
        written.append(reinterpret_cast<const char*>(data.data()) + entry.arguments[1], entry.arguments[2]);
        return static_cast<std::int64_t>(entry.arguments[2]);
    });
    host::StartParameters start;
    start.arguments = {"object_secrets"};
    ASSERT_TRUE(enclave.hand_over(start).ok());
    ASSERT_TRUE(enclave.start().ok());
    const auto status = enclave.wait(std::chrono::seconds{60});
    ASSERT_TRUE(status.ok()) << status.error().text();
    EXPECT_EQ(status.value().code, 0u);
    EXPECT_EQ(written, "ready\n" + published);
    EXPECT_GT(calls, 5u) << "the program's host files are not watched";
    EXPECT_EQ(found, 0u) << "a secret lies in the shared window";
    EXPECT_GT(published_found, 0u) << "the search finds nothing";
}

}  // namespace
}  // namespace enclavisor::tests

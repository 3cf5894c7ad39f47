// What the host can see of an enclave's memory. On sim-sev the hypervisor's
// view is the shared backing, which must not hold an enclave's secrets. On
// plain nothing hides them: there the same search must find them, or it would
// prove nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <thread>

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

}  // namespace
}  // namespace enclavisor::tests

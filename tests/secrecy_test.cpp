// What the host can see of an enclave's memory. On sim-sev the hypervisor's
// view is the shared backing, which must not hold an enclave's secrets. On
// plain nothing hides them: there the same search must find them, or it would
// prove nothing.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/command.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

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
ENCLAVISOR_ON_ALL_PLATFORMS(Secrecy);

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

// --- Several processes -------------------------------------------------------

// What is searched for, as it is and in what strace writes of it.
struct Patterns {
    std::vector<std::string> plain, traced;
};

Patterns patterns_of(const std::string& text) {
    Patterns patterns;
    for (const auto& part : {text.substr(0, 8), text.substr(20, 8)}) {
        patterns.plain.push_back(part);
        patterns.traced.push_back("");
        for (const char c : part) patterns.traced.back() += fmt::format("\\x{:02x}", c);
    }
    std::uint64_t word;  // as an offset
    std::memcpy(&word, text.data(), sizeof word);
    patterns.traced.push_back(std::to_string(word));
    patterns.traced.push_back(fmt::format("{:x}", word));
    return patterns;
}

std::size_t occurrences_of_any(std::span<const std::byte> memory, const std::vector<std::string>& patterns) {
    std::size_t count = 0;
    for (const auto& pattern : patterns) count += occurrences(memory, pattern);
    return count;
}

std::size_t traced(const std::filesystem::path& trace, const Patterns& patterns) {
    const std::string text = read_file(trace);
    return occurrences_of_any(std::as_bytes(std::span{text}), patterns.traced);
}

const Patterns kKept = patterns_of(computed_text(5)), kPublished = patterns_of(computed_text(11));

// Of tests/programs/process_secrets.c; where /tmp is the host's there is no defence.
std::filesystem::path process_secrets(const TempDir& directory, bool defended) {
    const std::string program = (programs_dir() / "process_secrets").string();
    std::filesystem::create_directories(directory / "data");
    std::filesystem::create_directories(directory / "tmp");
    const auto manifest = directory / (defended ? "defended.toml" : "undefended.toml");
    write_file(
        manifest,
        "[loader]\nentrypoint = \"file:" + program +
            "\"\nargv = [\"process_secrets\"]\n[enclave]\nmemory_limit = \"64M\"\n[fs]\nmounts = [\n"
            "{ type = \"insecure__passthrough\", path = \"/data\", uri = \"file:data\" },\n"
            "{ type = \"trusted\", path = \"/program\", uri = \"file:" +
            program + "\" },\n" +
            (defended ? "{ type = \"tmpfs\", path = \"/tmp\" },\n"
                      : "{ type = \"insecure__passthrough\", path = \"/tmp\", uri = \"file:tmp\" },\n") +
            "]\n");
    return manifest;
}

// All memory that the host sees, at every call that it is asked for.
TEST_P(Secrecy, WhatProcessesShareStaysInside) {
    auto options = machine_options(GetParam());
    options.expose_memory = true;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    for (const bool defended : {true, false}) {
        const TempDir directory;
        const auto manifest = process_secrets(directory, defended);
        auto described = host::describe_manifest(manifest);
        ASSERT_TRUE(described.ok()) << described.error().text();
        auto built = host::Enclave::build(*machine, described.value().image);
        ASSERT_TRUE(built.ok()) << built.error().text();
        auto enclave = built.take();
        host::Executor executor{{}};
        executor.serve_hashes(enclave.hashes());
        std::size_t kept = 0, published = 0, in_shared = 0;
        std::mutex mutex;
        enclave.attach_handler([&](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
            std::lock_guard guard{mutex};
            kept += occurrences_of_any(machine->link().bytes(), kKept.plain);
            published += occurrences_of_any(machine->link().bytes(), kPublished.plain);
            const bool said = static_cast<abi::ForwardedCall>(entry.call) == abi::ForwardedCall::kWrite;
            if (said) in_shared += occurrences_of_any(machine->shared_memory(), kKept.plain);
            return said && entry.arguments[0] == 1 ? static_cast<std::int64_t>(entry.arguments[2])
                                                   : executor.execute(entry, data);
        });
        ASSERT_TRUE(enclave.hand_over({}).ok());
        ASSERT_TRUE(enclave.start().ok());
        const auto status = enclave.wait(std::chrono::seconds{120});
        ASSERT_TRUE(status.ok()) << status.error().text();
        EXPECT_EQ(status.value().code, 0u) << describe(status.value());
        EXPECT_GT(published, 0u) << "the search finds nothing";
        EXPECT_EQ(kept == 0, defended) << kept << " in the link";
        if (defended) {
            const bool hidden = GetParam() != host::Platform::kPlain;
            EXPECT_EQ(in_shared == 0, hidden) << in_shared << " in memory that the hypervisor sees";
        }
    }
}

// All that the proxy, the command or daemon, and QEMU ask of the host's kernel, as strace sees it.
TEST_P(Secrecy, NoSystemCallOfTheHostCarriesASecret) {
    constexpr const char* kStrace = "/usr/bin/strace";
    if (!std::filesystem::exists(kStrace)) GTEST_SKIP() << "strace is not installed";
    const std::string platform = host::platform_name(GetParam());
    const auto strace = [&](const std::filesystem::path& to, std::vector<std::string> words) {
        words.insert(words.begin(),
                     {kStrace, "-f", "-qq", "-xx", "-s", "300000", "-o", to.string(), enclavisor_command()});
        return words;
    };
    for (const bool defended : {true, false}) {
        const TempDir directory;
        const std::string manifest = process_secrets(directory, defended).string();
        const auto alone = directory / "alone", served = directory / "served";
        const auto ran = run(strace(alone, {"run", "-q", "--platform", platform, manifest}),
                             {.inherit_environment = true});
        EXPECT_EQ(ran.status, 0) << ran.err;
        EXPECT_EQ(ran.out, computed_text(11)) << ran.err;

        std::filesystem::remove_all(directory / "tmp");
        std::filesystem::create_directory(directory / "tmp");
        ::setenv("ENCLAVISOR_RUN_DIR", directory.path().c_str(), 1);
        Server daemon{strace(served, {"vm", "start", "--memory", "256M", "--platform", platform}),
                      directory / "log"};
        EXPECT_TRUE(soon(std::chrono::seconds{60}, [] { return command({"ps"}).status == 0; }));
        const auto there = command({"run", "--vm", "default", "-q", manifest});
        EXPECT_EQ(there.status, 0) << there.err;
        EXPECT_EQ(command({"vm", "stop"}).status, 0);
        EXPECT_TRUE(daemon.ended(std::chrono::seconds{60}));
        ::unsetenv("ENCLAVISOR_RUN_DIR");
        for (const auto& trace : {alone, served}) {
            EXPECT_GT(traced(trace, kPublished), 0u) << trace << ": the search finds nothing";
            EXPECT_EQ(traced(trace, kKept) == 0, defended) << trace;
        }
        EXPECT_EQ(read_file(directory / "data/published"), computed_text(11));
    }
}

}  // namespace
}  // namespace enclavisor::tests

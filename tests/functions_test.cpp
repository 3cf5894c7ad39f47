// Function enclaves: calls in and out, templates and their instances.
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <set>

#include "host/lib/function.hpp"
#include "tests/programs/functions/calculator.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

using host::EntryPoint;
using host::Instance;

class Functions : public OwnMachine {
protected:
    host::FunctionOptions options(bool alone) {
        host::FunctionOptions options;
        options.calls.patience = std::chrono::seconds{20};
        options.calls.functions.on(kAlone, [alone]() { return std::uint32_t{alone}; });
        options.calls.functions.on(kSum, [](int a, int b) { return a + b; });
        options.calls.functions.on(kSquare, [](std::uint64_t a) { return a * a; });
        options.calls.functions.on(kReverse, [](std::string_view text) {
            const auto bytes = std::as_bytes(std::span{text});
            return std::vector<std::byte>(bytes.rbegin(), bytes.rend());
        });
        options.calls.functions.on(kSlow, [this] {
            while (!slow_may_end_) std::this_thread::yield();
        });
        options.calls.functions.on(kRefuse, [](std::uint64_t) {
            return host::HostAnswer{abi::CallStatus::kFailed, {}};
        });
        options.calls.functions.on(kTooMuch, [](std::uint64_t size) { return std::vector<std::byte>(size); });
        return options;
    }
    std::filesystem::path program() { return programs_dir() / "calculator"; }
    std::atomic<bool> slow_may_end_{true};
};
ENCLAVISOR_ON_ALL_PLATFORMS(Functions);

// What a function can do, alone or as an instance.
void check_calls(Instance& instance) {
    const auto entry = [&](const char* name) {
        auto found = instance.entry(name);
        EXPECT_TRUE(found.ok()) << name;
        return found.ok() ? found.value() : EntryPoint{~0u};
    };
    const auto value = [](auto result) {
        using Value = typename decltype(result)::Value;
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
        return result.ok() ? result.take() : Value{};
    };
    const auto refusal = [](auto result) {
        EXPECT_FALSE(result.ok());
        return result.ok() ? std::string{} : result.error().cause;
    };
    const auto text = [](const std::vector<std::byte>& bytes) {
        return std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    };
    using namespace std::string_view_literals;

    EXPECT_TRUE(instance.call<void>(entry("nothing")).ok());
    EXPECT_EQ(value(instance.call<int>(entry("add"), 2, 3)), 5);
    EXPECT_EQ(value(instance.call<std::int64_t>(entry("load"))), 0);
    EXPECT_TRUE(instance.call<void>(entry("store"), std::int64_t{-7}).ok());
    EXPECT_EQ(value(instance.call<std::int64_t>(entry("load"))), -7);
    EXPECT_EQ(text(value(instance.call_bytes(entry("echo"), 100, "to be echoed"sv))), "to be echoed");
    const std::string large(1200, 'x');
    EXPECT_EQ(text(value(instance.call_bytes(entry("echo"), 1200, std::string_view{large}))), large);
    EXPECT_EQ(value(instance.call_bytes(entry("echo"), 0, ""sv)).size(), 0u);
    EXPECT_EQ(value(instance.call<double>(entry("scale"), 2.5, "skipped"sv, std::uint8_t{3})), 8.0);
    EXPECT_EQ(value(instance.call_bytes(entry("random"), 64, 64u)).size(), 64u);
    EXPECT_EQ(value(instance.call<std::uint64_t>(entry("heap"), std::uint64_t{1} << 20)), 256u * 255 / 2);
    EXPECT_EQ(value(instance.call<std::uint64_t>(entry("pages"), std::uint64_t{200})), 200u * 4096);
    EXPECT_EQ(value(instance.call<std::uint64_t>(entry("recurse"), std::uint64_t{30})), 30u);

    // Refusals of a function that goes on.
    EXPECT_EQ(refusal(instance.call<int>(EntryPoint{9999}, 2, 3)), "the function has no such entry point");
    EXPECT_EQ(refusal(instance.call<int>(entry("add"), 2)), "the entry point takes other arguments");
    EXPECT_EQ(refusal(instance.call<int>(entry("add"), 2, 3, 4)), "the entry point takes other arguments");
    EXPECT_EQ(refusal(instance.call<int>(entry("echo"), std::uint64_t{50})),
              "the entry point takes other arguments");
    EXPECT_EQ(refusal(instance.call_bytes(entry("echo"), 4, std::uint64_t{~0ull})),
              "the entry point takes other arguments");
    EXPECT_EQ(refusal(instance.call_bytes(entry("random"), 16, 17u)),
              "the result is larger than the room for it");
    EXPECT_EQ(refusal(instance.call_bytes(entry("echo"), 4096, ""sv)),
              "a call of 4096 bytes does not fit the 1536 of a slot");
    EXPECT_FALSE(instance.entry("nonsense").ok());

    // Calls out.
    EXPECT_EQ(value(instance.call<int>(entry("ask_sum"), 20, 22)), 42);
    EXPECT_EQ(text(value(instance.call_bytes(entry("ask_reverse"), 100, "desrever"sv))), "reversed");
    const auto status = [&](std::uint32_t function, std::uint64_t argument) {
        return value(instance.call<std::uint32_t>(entry("ask_status"), function, argument));
    };
    EXPECT_EQ(status(77, 0), static_cast<std::uint32_t>(abi::CallStatus::kUnknownFunction));
    EXPECT_EQ(status(kSum, 0), static_cast<std::uint32_t>(abi::CallStatus::kBadArguments));
    EXPECT_EQ(status(kRefuse, 0), static_cast<std::uint32_t>(abi::CallStatus::kFailed));
    EXPECT_EQ(status(kTooMuch, 4096), static_cast<std::uint32_t>(abi::CallStatus::kNoRoom));
    EXPECT_EQ(status(kTooMuch, 3), static_cast<std::uint32_t>(abi::CallStatus::kBadArguments));
    EXPECT_EQ(status(kTooMuch, 4), ~0u);
    for (const std::uint32_t count : {0u, 1u, 2u, 5u, 20u}) {
        std::uint64_t expected = 0;
        for (std::uint64_t i = 0; i < count; i++) expected += i * i * 1000 + (i + 1) * (i + 1);
        EXPECT_EQ(value(instance.call<std::uint64_t>(entry("ask_many"), count)), expected) << count;
    }

    // Many under way, collected backwards.
    std::vector<host::CallId> ids;
    for (int i = 0; i < 8; i++) ids.push_back(value(instance.begin<int>(entry("add"), i, 100)));
    for (int i = 7; i >= 0; i--) {
        EXPECT_EQ(value(instance.end<int>(ids[static_cast<std::size_t>(i)])), i + 100);
    }
}

TEST_P(Functions, AloneItAnswersCalls) {
    auto started = Instance::start(*machine_, program(), options(true));
    ASSERT_TRUE(started.ok()) << started.error().text();
    auto instance = started.take();
    check_calls(instance);
}

TEST_P(Functions, CallsOutByWorkersComeBackInAnyOrder) {
    auto wanted = options(true);
    wanted.calls.workers = std::make_shared<host::WorkerPool>(2);
    auto started = Instance::start(*machine_, program(), wanted);
    ASSERT_TRUE(started.ok()) << started.error().text();
    auto instance = started.take();
    check_calls(instance);
    // A call that waits for its host does not stop the others.
    slow_may_end_ = false;
    const auto slow =
        instance.begin_with_room(instance.entry("ask_slowly").value(), 100, std::string_view{"late"});
    ASSERT_TRUE(slow.ok());
    for (int i = 0; i < 20; i++) {
        const auto sum = instance.call<int>(instance.entry("add").value(), i, 1);
        ASSERT_TRUE(sum.ok()) << sum.error().text();
        EXPECT_EQ(sum.value(), i + 1);
    }
    slow_may_end_ = true;
    const auto late = instance.end_bytes(slow.value());
    ASSERT_TRUE(late.ok()) << late.error().text();
    EXPECT_EQ(late.value().size(), 4u);
}

TEST_P(Functions, TheirEndIsToldInOneLine) {
    const auto end = [&](const char* name, auto... arguments) {
        auto started = Instance::start(*machine_, program(), options(true));
        EXPECT_TRUE(started.ok());
        auto instance = started.take();
        const auto result = instance.template call<void>(instance.entry(name).value(), arguments...);
        EXPECT_FALSE(result.ok());
        const std::string cause = result.ok() ? "" : result.error().cause;
        // And it stays so.
        EXPECT_EQ(instance.template call<void>(EntryPoint{0}).error().cause, cause);
        return cause;
    };
    EXPECT_EQ(end("give_up"), "the function panicked: this function gives up");
    EXPECT_EQ(end("leave", std::uint64_t{3}), "the function ended by itself with 3");
    EXPECT_NE(end("fault").find("page fault (#PF) writing address 0x20000"), std::string::npos);
    EXPECT_NE(end("recurse", std::uint64_t{100}).find("page fault"), std::string::npos) << "a full stack";
    EXPECT_NE(end("heap", std::uint64_t{32} << 20).find("more memory than its limit"), std::string::npos);
    EXPECT_NE(end("heap", std::uint64_t{1} << 50).find("panicked: the heap is full"), std::string::npos);
}

TEST_P(Functions, WhatIsNoFunctionIsRefused) {
    const auto load = [&](const std::filesystem::path& file) {
        auto loaded = host::FunctionTemplate::load(*machine_, file, options(false));
        EXPECT_FALSE(loaded.ok());
        return loaded.ok() ? "" : loaded.error().text();
    };
    EXPECT_NE(load("/bin/busybox").find("is no function enclave"), std::string::npos);
    EXPECT_NE(load("/nonexistent").find("/nonexistent"), std::string::npos);
}

TEST_P(Functions, InstancesBeginAlikeAndDiverge) {
    auto loaded = host::FunctionTemplate::load(*machine_, program(), options(false));
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    auto function = loaded.take();
    auto forked = function.fork(20);
    ASSERT_TRUE(forked.ok()) << forked.error().text();
    auto instances = forked.take();
    for (auto& instance : instances) {
        check_calls(instance);
        const auto who = instance.call<Who>(instance.entry("who").value());
        ASSERT_TRUE(who.ok()) << who.error().text();
        EXPECT_EQ(who.value().instance, instance.handle());
        EXPECT_EQ(who.value().generation, 1u);
        const auto initialised = instance.call<std::int64_t>(instance.entry("initialised").value());
        EXPECT_EQ(initialised.value(), 1017) << "once in the template, and once after ready()";
    }
    // The end of one is its own.
    EXPECT_FALSE(instances[3].call<void>(instances[3].entry("fault").value()).ok());
    EXPECT_TRUE(instances[4].call<void>(instances[4].entry("nothing").value()).ok());
    // Its slot is used again, by one that begins afresh.
    ASSERT_TRUE(instances[5].destroy().ok());
    EXPECT_EQ(instances[5].call<void>(EntryPoint{0}).error().cause, "the instance was destroyed");
    auto another = function.fork();
    ASSERT_TRUE(another.ok()) << another.error().text();
    check_calls(another.value());
    const auto gone = Instance::destroy_all(instances);
    EXPECT_TRUE(gone.ok()) << gone.error().text();
}

TEST_P(Functions, NoTwoInstancesDrawTheSameNumbers) {
    auto wanted = options(false);
    wanted.instances = 500;
    auto loaded = host::FunctionTemplate::load(*machine_, program(), wanted);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    auto function = loaded.take();
    const auto entry = function.entry("random").value();
    std::set<std::string> seen;
    std::size_t drawn = 0;
    for (int round = 0; round < 2; round++) {
        auto forked = function.fork(500);
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        for (auto& instance : forked.value()) {
            const auto bytes = instance.call_bytes(entry, 256, 256u);
            ASSERT_TRUE(bytes.ok()) << bytes.error().text();
            const auto* text = reinterpret_cast<const char*>(bytes.value().data());
            // Any 16 bytes, wherever they begin.
            for (std::size_t i = 0; i + 16 <= bytes.value().size(); i++, drawn++) seen.emplace(text + i, 16);
        }
    }
    EXPECT_EQ(seen.size(), drawn);
}

TEST_P(Functions, PausedInstancesWaitAndDestroyedOnesLeaveTheirHost) {
    auto wanted = options(false);
    wanted.calls.workers = std::make_shared<host::WorkerPool>(2);
    wanted.calls.patience = std::chrono::seconds{1};
    auto loaded = host::FunctionTemplate::load(*machine_, program(), wanted);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    auto function = loaded.take();
    const auto slowly = function.entry("ask_slowly").value(), add = function.entry("add").value();
    auto first = function.fork(), second = function.fork();
    ASSERT_TRUE(first.ok() && second.ok());
    slow_may_end_ = false;
    const auto one = first.value().begin_with_room(slowly, 16, std::string_view{"one"});
    const auto two = second.value().begin_with_room(slowly, 16, std::string_view{"two"});
    ASSERT_TRUE(one.ok() && two.ok());
    // Both calls out are under way.
    EXPECT_TRUE(first.value().call<int>(add, 1, 2).ok());
    EXPECT_TRUE(second.value().call<int>(add, 1, 2).ok());
    ASSERT_TRUE(first.value().pause().ok());
    const auto asleep = first.value().call<int>(add, 1, 2);
    ASSERT_FALSE(asleep.ok());
    EXPECT_EQ(asleep.error().exit_code, host::kExitTimeout) << asleep.error().text();
    // Destroyed in the middle of a call out; the worker comes too late.
    ASSERT_TRUE(second.value().destroy().ok());
    auto third = function.fork();
    ASSERT_TRUE(third.ok());
    slow_may_end_ = true;
    EXPECT_TRUE(third.value().call<int>(add, 1, 2).ok());
    ASSERT_TRUE(first.value().resume().ok());
    const auto answer = first.value().end_bytes(one.value());
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(answer.value().size(), 3u);
    EXPECT_TRUE(first.value().call<int>(add, 1, 2).ok());
    // A paused one can be destroyed.
    ASSERT_TRUE(third.value().pause().ok());
    const auto gone = third.value().destroy();
    EXPECT_TRUE(gone.ok()) << gone.error().text();
}

class ManyFunctions : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(ManyFunctions);

TEST_P(ManyFunctions, TenThousandLiveInstances) {
    constexpr std::uint32_t kTemplates = 4, kEach = 2500;
    auto wanted = machine_options(GetParam());
    wanted.memory_mib = 1024;
    auto machine = launch(wanted);
    ASSERT_NE(machine, nullptr);
    const auto free_frames = [&] { return machine->stats().value().free_frames; };
    std::vector<host::FunctionTemplate> functions;
    std::vector<Instance> instances;
    for (std::uint32_t i = 0; i < kTemplates; i++) {
        host::FunctionOptions options;
        options.instances = kEach;
        options.calls.patience = std::chrono::seconds{120};
        auto loaded = host::FunctionTemplate::load(*machine, programs_dir() / "calculator", options);
        ASSERT_TRUE(loaded.ok()) << loaded.error().text();
        functions.push_back(loaded.take());
    }
    const auto store = functions[0].entry("store").value(), load = functions[0].entry("load").value();
    using Clock = std::chrono::steady_clock;
    const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
    {
        // The tables of the kernel grow once.
        for (auto& function : functions) {
            auto first = function.fork(kEach);
            ASSERT_TRUE(first.ok()) << first.error().text();
            for (auto& instance : first.value()) instances.push_back(std::move(instance));
        }
        const auto gone = Instance::destroy_all(instances);
        ASSERT_TRUE(gone.ok()) << gone.error().text();
    }
    const std::uint64_t before = free_frames();
    const auto begin = Clock::now();
    for (auto& function : functions) {
        auto forked = function.fork(kEach);
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        for (auto& instance : forked.value()) instances.push_back(std::move(instance));
    }
    const auto after_fork = Clock::now();
    ASSERT_EQ(instances.size(), kTemplates * kEach);
    const double idle =
        static_cast<double>(before - free_frames()) * 4 / static_cast<double>(instances.size());
    for (std::size_t i = 0; i < instances.size(); i++) {
        const auto stored = instances[i].call<void>(store, static_cast<std::int64_t>(i * 7 + 1));
        ASSERT_TRUE(stored.ok()) << i << " " << stored.error().text();
    }
    const auto after_store = Clock::now();
    const double used =
        static_cast<double>(before - free_frames()) * 4 / static_cast<double>(instances.size());
    for (std::size_t i = 0; i < instances.size(); i++) {
        const auto loaded = instances[i].call<std::int64_t>(load);
        ASSERT_TRUE(loaded.ok()) << i << " " << loaded.error().text();
        ASSERT_EQ(loaded.value(), static_cast<std::int64_t>(i * 7 + 1)) << i;
    }
    const auto after_load = Clock::now();
    const auto gone = Instance::destroy_all(instances);
    ASSERT_TRUE(gone.ok()) << gone.error().text();
    const auto after_destroy = Clock::now();
    EXPECT_EQ(free_frames(), before);
    std::cout << "10,000 instances: KiB each, idle " << idle << ", after calls " << used
              << "; seconds to fork " << seconds(after_fork - begin) << ", first calls "
              << seconds(after_store - after_fork) << ", second calls " << seconds(after_load - after_store)
              << ", destroy " << seconds(after_destroy - after_load) << "\n";
    EXPECT_LE(idle, 16.1);
    EXPECT_LE(used, 40.1);
    EXPECT_TRUE(healthy(*machine));
}

}  // namespace
}  // namespace enclavisor::tests

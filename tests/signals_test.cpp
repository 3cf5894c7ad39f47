// Signals from outside: what a program makes of them in an enclave is what it makes of
// them natively.
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <random>
#include <thread>

#include "abi/host/forwarded_calls.hpp"
#include "abi/host/io_area.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "tests/support/conversation.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

using Words = std::vector<std::string>;
using namespace std::chrono_literals;

class Signals : public testing::TestWithParam<host::Platform> {
protected:
    static std::string program() { return (programs_dir() / "signals_outside").string(); }
    static Words in_enclave(const Words& program) {
        Words words{enclavisor_command(), "run", "-q", "--platform", host::platform_name(GetParam())};
        words.insert(words.end(), program.begin(), program.end());
        return words;
    }
    // The same talk with the program itself and with the command that runs it.
    static void both(const Words& program, const std::function<void(Conversation&)>& talk) {
        for (const Words& words : {program, in_enclave(program)}) {
            SCOPED_TRACE(words[0]);
            Conversation with{words};
            ASSERT_EQ(with.line(), "ready");
            talk(with);
        }
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Signals);

TEST_P(Signals, HandlersRun) {
    both({program(), "handlers"}, [](Conversation& with) {
        for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTERM}) {
            with.signal(number);
            EXPECT_EQ(with.line(), "SIG" + std::string{sigabbrev_np(number)} + " code 0");
        }
        EXPECT_EQ(with.end(), 7);
    });
}

TEST_P(Signals, ABlockedReadIsInterruptedOrMadeAgain) {
    both({program(), "read"}, [](Conversation& with) {
        // It may not be in its call yet when it gets one.
        std::string line;
        for (int i = 0; i < 100 && line.empty(); i++) {
            with.signal(SIGUSR1);
            EXPECT_EQ(with.line(), "SIGUSR1 code 0");
            line = with.line_within(500ms);
        }
        EXPECT_EQ(line, "read: -1 EINTR");
        EXPECT_EQ(with.end(), 0);
    });
    both({program(), "read-again"}, [](Conversation& with) {
        for (int i = 0; i < 3; i++) {
            with.signal(SIGUSR1);
            EXPECT_EQ(with.line(), "SIGUSR1 code 0");
            with.signal(SIGWINCH);  // ignored by default: nothing is seen of it
        }
        with.write("x");
        EXPECT_EQ(with.line(), "read: 1 -");
        EXPECT_EQ(with.end(), 0);
    });
}

TEST_P(Signals, AComputingProgramIsInterrupted) {
    both({program(), "compute"}, [](Conversation& with) {
        with.signal(SIGUSR1);
        EXPECT_EQ(with.line(), "SIGUSR1 code 0");
        EXPECT_EQ(with.line(), "computed");
        EXPECT_EQ(with.end(), 0);
    });
}

TEST_P(Signals, AnotherThreadTakesWhatTheFirstBlocks) {
    both({program(), "threads"}, [](Conversation& with) {
        with.signal(SIGUSR1);
        EXPECT_EQ(with.line(), "SIGUSR1 code 0");
        EXPECT_EQ(with.line(), "joined");
        EXPECT_EQ(with.end(), 0);
    });
}

TEST_P(Signals, BlockedOnesAreWaitedForAndPolled) {
    both({program(), "wait"}, [](Conversation& with) {
        with.signal(SIGTERM);
        EXPECT_EQ(with.line(), "sigwaitinfo: SIGTERM code 0");
        EXPECT_EQ(with.line(), "ready");
        with.signal(SIGUSR1);
        EXPECT_EQ(with.line(), "signalfd: SIGUSR1");
        EXPECT_EQ(with.end(), 0);
    });
}

TEST_P(Signals, WhoIgnoresThemGoesOn) {
    both({program(), "ignore"}, [](Conversation& with) {
        with.signal(SIGTERM);
        with.signal(SIGINT);
        with.signal(SIGTERM);
        with.write("x");
        EXPECT_EQ(with.line(), "still here");
        with.close_input();
        EXPECT_EQ(with.end(), 3);
    });
    // Ctrl-C twice ends the enclave all the same.
    Conversation with{in_enclave({program(), "ignore"})};
    ASSERT_EQ(with.line(), "ready");
    with.signal(SIGINT);
    std::this_thread::sleep_for(200ms);
    with.signal(SIGINT);
    EXPECT_EQ(with.end(), 128 + SIGINT);
}

TEST_P(Signals, TheirDefaultActionEndsAProgram) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        both({program(), "compute"}, [&](Conversation& with) {
            with.signal(number);
            EXPECT_EQ(with.end(), 128 + number);
        });
    }
}

TEST_P(Signals, PythonRaisesKeyboardInterrupt) {
    // It sleeps a little at a time: a signal between Python's last look at its flag and the call
    // that sleeps interrupts nothing, natively too.
    both({"/usr/bin/python3", "-u", "-c",
          "import time\n"
          "try:\n    print('ready')\n    while True: time.sleep(0.1)\n"
          "except KeyboardInterrupt:\n    print('interrupted')\n"
          "print('ready')\ninput()\n"},
         [](Conversation& with) {
             with.signal(SIGINT);
             EXPECT_EQ(with.line(), "interrupted");
             EXPECT_EQ(with.line(), "ready");
             std::this_thread::sleep_for(2100ms);  // not the second of two
             with.signal(SIGINT);
             EXPECT_EQ(with.end(), 128 + SIGINT);
         });
}

TEST_P(Signals, WhoHasNoRuntimeTakesNone) {
    const auto machine = launch(machine_options(GetParam()));
    ASSERT_NE(machine, nullptr);
    auto builder = host::EnclaveBuilder::create(*machine, {.memory_limit = 64});
    ASSERT_TRUE(builder.ok());
    auto function = std::move(*builder).seal();
    ASSERT_TRUE(function.ok());
    const auto refused = function->signal(SIGTERM);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().text(),
              "an enclave without a Linux runtime takes no signals (end it with signal KILL)");
}

// A hostile host: any word, at any time, and commands for nothing.
TEST_P(Signals, AnyBitsOfTheHostAreHarmless) {
    const auto machine = launch(machine_options(GetParam()));
    ASSERT_NE(machine, nullptr);
    const auto application = host::describe_program(program(), 64 << 20);
    ASSERT_TRUE(application.ok());
    auto built = host::Enclave::build(*machine, application.value().image);
    ASSERT_TRUE(built.ok());
    host::Enclave& enclave = *built;
    EXPECT_FALSE(enclave.signal(SIGTERM).ok()) << "it has not started";
    std::atomic<bool> ready{false};
    std::atomic<int> lines{0};
    enclave.attach_handler([&](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
        if (entry.call != static_cast<std::uint32_t>(abi::ForwardedCall::kWrite)) return -ENOSYS;
        const std::uint64_t size = std::min<std::uint64_t>(entry.arguments[2], data.size());
        lines++;
        ready = true;
        return static_cast<std::int64_t>(size);
    });
    ASSERT_TRUE(enclave.hand_over({.arguments = {"signals_outside", "handlers"}}).ok());
    ASSERT_TRUE(enclave.start().ok());
    for (int i = 0; i < 600 && !ready; i++) std::this_thread::sleep_for(50ms);
    ASSERT_TRUE(ready);
    auto& word = reinterpret_cast<abi::IoHeader*>(enclave.io().bytes().data())->signals;
    constexpr std::uint64_t kHandled = 1ull << (SIGHUP - 1) | 1ull << (SIGINT - 1) | 1ull << (SIGWINCH - 1);
    std::mt19937_64 random{11};
    for (int i = 0; i < 2000; i++) {
        // All that must do nothing, and now and then something that has a handler.
        __atomic_store_n(&word, (random() & ~abi::kHostSignals) | (random() & kHandled), __ATOMIC_RELAXED);
        if (random() % 2 == 0) {
            const auto done = machine->control().call(abi::Command::kInterrupt, {enclave.handle()});
            ASSERT_TRUE(done.ok()) << done.error().text() << "; " << enclave.status()->reason << " "
                                   << enclave.status()->code;
        }
    }
    EXPECT_TRUE(enclave.is(abi::EnclaveState::kRunning));
    const int before = lines;
    ASSERT_TRUE(enclave.signal(SIGUSR1).ok());
    for (int i = 0; i < 600 && lines == before; i++) std::this_thread::sleep_for(50ms);
    EXPECT_GT(lines, before) << "it still takes signals";
    EXPECT_FALSE(enclave.signal(SIGSEGV).ok());
    EXPECT_FALSE(enclave.signal(SIGKILL).ok());
    ASSERT_TRUE(enclave.signal(SIGABRT).ok());
    const auto ended = enclave.wait(60s);
    ASSERT_TRUE(ended.ok()) << ended.error().text();
    EXPECT_EQ(ended.value().reason, static_cast<std::uint32_t>(abi::EndReason::kSignal));
    EXPECT_EQ(ended.value().code, static_cast<std::uint64_t>(SIGABRT));
    EXPECT_FALSE(enclave.signal(SIGTERM).ok());
}

}  // namespace
}  // namespace enclavisor::tests

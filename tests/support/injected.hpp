// A VM with a debugging stub, and in it the enclave of tests/programs/probe/injected.cpp.
#pragma once

#include <optional>
#include <random>
#include <thread>

#include "tests/support/gdb.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {

class InjectedMachine {
public:
    // `rom`: another kernel than the platform's. Throws if it cannot be had.
    explicit InjectedMachine(host::Platform platform, const std::filesystem::path& rom = {})
        : image_{(programs_dir() / "injected").string()} {
        host::MachineOptions options = machine_options(platform);
        if (!rom.empty()) options.rom = rom;
        options.extra_arguments = Gdb::arguments(socket());
        machine_ = launch(options);
        if (!machine_) throw std::runtime_error{"no VM"};
    }

    host::Machine& machine() { return *machine_; }
    std::string socket() const { return directory_ / "gdb"; }

    // Until its first round is done.
    void start_victim(bool calls) {
        auto created = NativeEnclave::create(
            *machine_, image_, {.exception_entry = image_.symbol("enclavisor_exception_entry")});
        if (!created.ok()) throw std::runtime_error{created.error().text()};
        victim_.emplace(created.take());
        word(2) = calls;
        if (!victim_->start().ok()) throw std::runtime_error{"the victim does not start"};
        if (!await_rounds(1)) {
            const auto ended = status(std::chrono::seconds{1});
            throw std::runtime_error{"the victim does not work: " +
                                     (ended ? describe(*ended) : machine_->log())};
        }
    }
    std::uint64_t rounds() { return word(0); }
    // Whether so many more rounds come to pass in a minute, and it has not ended.
    bool await_rounds(std::uint64_t more) {
        const std::uint64_t goal = word(0) + more;
        for (int i = 0; i < 6000 && word(0) < goal && !status(std::chrono::milliseconds{0}); i++)
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        return word(0) >= goal;
    }
    std::optional<abi::EnclaveStatus> status(std::chrono::milliseconds longest) {
        return victim_->wait(longest);
    }
    // Asks it to end: nothing it computed is wrong, and its handler never ran.
    void expect_right_answer() {
        word(1) = 1;
        const auto ended = status(std::chrono::seconds{30});
        ASSERT_TRUE(ended) << "the victim does not end\n" << machine_->log();
        EXPECT_EQ(ended->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*ended);
        EXPECT_EQ(ended->code, 42u) << describe(*ended);
    }

    // Whether the kernel says within ten seconds that it has stopped everything.
    bool panics() {
        for (int i = 0; i < 1000 && machine_->guest_state() == abi::GuestState::kReady; i++)
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        machine_->control().set_timeout(std::chrono::milliseconds{10});  // nobody answers any more
        return machine_->guest_state() == abi::GuestState::kPanicked;
    }
    // Whether the kernel's log has, or soon gets, that text.
    bool says(const std::string& text) {
        for (int i = 0; i < 500 && machine_->log().find(text) == std::string::npos; i++)
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        return machine_->log().find(text) != std::string::npos;
    }

    // Stops it at some instruction of the victim's own. False: it comes to none.
    bool stop_in_victim(Gdb& gdb, std::mt19937_64& random) {
        for (int i = 0; i < 50; i++) {
            gdb.run();
            std::this_thread::sleep_for(std::chrono::microseconds{random() % 1500});
            gdb.stop();
            // Whoever makes many calls is seldom met outside of the kernel.
            if (in_victim_ != 0 && !is_in_victim(gdb) && !gdb.run_to(in_victim_)) return false;
            // The stub stops between blocks of instructions.
            for (std::uint64_t steps = random() % 24; steps > 0; steps--) gdb.step();
            if (is_in_victim(gdb)) return true;
        }
        return false;
    }

private:
    bool is_in_victim(Gdb& gdb) {
        const Gdb::Registers r = gdb.registers();
        if ((r.cs & 3) == 0 || r.rip < 0x40'0000 || r.rip >= 0x50'0000) return false;
        in_victim_ = r.rip;
        return true;
    }
    volatile std::uint64_t& word(unsigned i) {
        return reinterpret_cast<volatile std::uint64_t*>(victim_->io_data().data())[i];
    }

    TempDir directory_;
    NativeImage image_;
    std::unique_ptr<host::Machine> machine_;
    std::optional<NativeEnclave> victim_;
    std::uint64_t in_victim_ = 0;  // where it was seen last
};

}  // namespace enclavisor::tests

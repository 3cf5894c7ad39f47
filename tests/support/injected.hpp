// A VM with a debugging stub, and what a hypervisor injects into there: the enclaves of
// tests/programs/probe/injected.cpp, and the Linux program tests/programs/injected_program.c.
#pragma once

#include <optional>
#include <random>

#include "host/lib/enclave.hpp"
#include "host/lib/fd.hpp"
#include "tests/support/gdb.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {

// What ends an enclave in any case.
constexpr unsigned kDoubleFault = 8, kMachineCheck = 18;

class InjectedMachine {
public:
    // `rom`: another kernel than the platform's. Throws if it cannot be had.
    explicit InjectedMachine(host::Platform platform, const std::filesystem::path& rom = {},
                             unsigned cpus = 1);

    host::Machine& machine() { return *machine_; }
    std::string socket() const { return directory_ / "gdb"; }
    const std::filesystem::path& directory() const { return directory_.path(); }

    // Whether the kernel says within ten seconds that it has stopped everything.
    bool panics();
    // Whether the kernel's log has, or soon gets, that text.
    bool says(const std::string& text);
    // Whether it has stopped everything and said that this is the hypervisor's doing.
    bool ended_with_a_reason();

private:
    TempDir directory_;
    std::unique_ptr<host::Machine> machine_;
};

// An enclave without a runtime; it computes, and calls the kernel if it `calls`.
class InjectedEnclave {
public:
    // Until its first round is done. Throws if it does not come to that.
    InjectedEnclave(InjectedMachine& ground, bool calls);

    std::uint64_t rounds() { return word(0); }
    // Whether so many more rounds come to pass in a minute, and it has not ended.
    bool await_rounds(std::uint64_t more);
    std::optional<abi::EnclaveStatus> status(std::chrono::milliseconds longest) {
        return enclave_->wait(longest);
    }
    // Asks it to end: nothing it computed is wrong, and its handler never ran.
    void expect_right_answer();

    // Stops the (only) vCPU at some instruction of its own. False: it comes to none.
    bool stop_inside(Gdb& gdb, std::mt19937_64& random);

private:
    bool is_inside(Gdb& gdb);
    volatile std::uint64_t& word(unsigned i) {
        return reinterpret_cast<volatile std::uint64_t*>(enclave_->io_data().data())[i];
    }

    InjectedMachine& ground_;
    std::optional<NativeEnclave> enclave_;
    std::uint64_t inside_ = 0;  // where it was seen last
};

// The Linux program, which has handlers for all faults, and raises some of its own if it
// is wanted to.
class InjectedProgram {
public:
    // Until it has begun. Throws if it does not come to that.
    explicit InjectedProgram(InjectedMachine& ground, bool faults = true);

    // What it has printed so far.
    std::string output() const;
    // Whether so many more rounds are told of in `longest`, and it has not ended.
    bool await_rounds(unsigned more, std::chrono::seconds longest = std::chrono::minutes{2});
    // Asks it to end: it says what it says natively, and no handler ran for what did not happen.
    void expect_right_answer();
    std::optional<abi::EnclaveStatus> status(std::chrono::milliseconds longest);
    // Its last line; "invented signal 11 ..." if a handler saw what did not happen.
    std::string last_line() const;

private:
    std::filesystem::path output_;
    host::Fd standard_output_;
    std::optional<host::Enclave> enclave_;
};

// --- Scenes -----------------------------------------------------------------------

// Stops it `times` in the enclave, or as often as it can be, and injects.
void inject_inside(InjectedMachine& ground, InjectedEnclave& enclave, unsigned vector, bool error,
                   int times = 1);

// Stops machines of several vCPUs.
class Stops {
public:
    Stops(Gdb& gdb, unsigned cpus) : gdb_{gdb}, cpus_{cpus} {}

    // Lets all run for a moment, and selects any.
    void anywhere(std::mt19937_64& random);
    // The same, but selects one in ring 3, or in its program and not in its runtime. False: none
    // comes to it.
    bool in_user(std::mt19937_64& random) { return in(~0ull, random); }
    bool in_program(std::mt19937_64& random) { return in(0x60'0000, random); }

private:
    // Below `limit`.
    bool in(std::uint64_t limit, std::mt19937_64& random);
    bool is_in(std::uint64_t limit);
    void take_some_steps(std::mt19937_64& random);

    Gdb& gdb_;
    unsigned cpus_;
    std::vector<std::uint64_t> seen_;  // where vCPUs were in ring 3
};

// Injects behind `syscall`, where RSP is still what ring 3 had: whether anything was pushed
// there. Ring 0 does not go on. `kernel`: the ELF file of the one that runs.
bool pushes_where_ring_three_wants(InjectedMachine& ground, const NativeImage& kernel);

}  // namespace enclavisor::tests

// One run in a daemon's VM, from its request until it is removed: an enclave, a group's, or the
// instances of a template, under one number. A thread of its own builds them, starts their
// proxies (which live as long as that thread) and waits for their end.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/daemon/ledger.hpp"
#include "host/lib/ending.hpp"
#include "host/lib/ensemble.hpp"
#include "host/lib/machine.hpp"

namespace enclavisor::host {

// What a client wants to run.
struct RunRequest {
    std::string target;                               // absolute path of a program or manifest
    std::string limit;                                // of its memory; empty: the default
    std::vector<std::string> arguments, environment;  // without the program's name
    std::string directory;
    unsigned instances = 1;  // of a template
    bool verbose = false;
    bool allows_exec = false;  // of a bare program
    Fd standard[3];
};

class Resident {
public:
    enum class State : std::uint8_t { kStarting, kRunning, kPaused, kEnded };

    // `machine` and `ledger` outlive it.
    Resident(Machine& machine, Ledger& ledger, std::uint64_t id, RunRequest request);
    ~Resident();  // ends the enclave

    std::uint64_t id() const { return id_; }
    // For people and programs: id, name, state, seconds, measurement; while it runs bytes and
    // limit_bytes of memory, enclaves if there are several; cpu_seconds and calls (forwarded
    // ones); exit_code and ending.
    Json describe() const;
    // Until it runs or has ended; then its measurement, or why it does not run.
    Result<std::string> wait_until_started() const;
    // Until it has ended, or `give_up`, which is asked now and then. Absent: given up.
    template <typename GiveUp>
    bool wait(GiveUp give_up) const {
        std::unique_lock lock{mutex_};
        while (state_ != State::kEnded) {
            if (give_up()) return false;
            changed_.wait_for(lock, std::chrono::milliseconds{20});
        }
        return true;
    }
    // An error if it does not run.
    Result<void> signal(int number);
    // A further process beside its program, and a signal to that.
    Result<Execution> execute(const std::vector<std::string>& words, const std::array<int, 3>& standard);
    Result<void> signal(const Execution& execution, int number);
    // No error if it has ended already.
    Result<void> stop();
    Result<void> pause();
    Result<void> resume();

private:
    void run();
    Result<Ensemble> build();
    Result<void> start(Ensemble& ensemble);
    // What the first that failed ended with, or 0; what all said of it.
    Result<Ending> attend(Ensemble& ensemble, std::vector<Enclave>& instances, std::string& reason);
    Result<void> fork_instances(Enclave& origin, std::vector<Enclave>& instances);
    void add_figures(Json& json) const;  // with mutex_ held
    // `reason` as in metrics; empty: it never ran.
    void ended(int exit_code, std::string text, const std::string& reason);
    Json description() const;  // with mutex_ held
    // Its one enclave, which stays until give_back(); an error if it does not run, or has several.
    Result<Enclave*> borrow();
    void give_back();
    Result<void> switch_state(State from, State to, abi::Command command, const char* what);

    Machine& machine_;
    Ledger& ledger_;
    const std::uint64_t id_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    RunRequest request_;
    State state_ = State::kStarting;
    bool stop_wanted_ = false;
    StartParameters parameters_;   // its thread's
    std::vector<Enclave*> parts_;  // while it runs: a template before its instances
    unsigned borrowers_ = 0;       // who use one of them without mutex_
    std::string measurement_;
    std::uint64_t ticks_ = 0, calls_ = 0;  // when it had ended
    std::optional<Error> refused_;
    int exit_code_ = 0;
    std::string ending_;
    std::chrono::steady_clock::time_point end_{};

    std::thread thread_;  // last: begins when all else is there
};

const char* state_name(Resident::State state);

}  // namespace enclavisor::host

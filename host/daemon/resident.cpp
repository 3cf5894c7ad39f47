#include "host/daemon/resident.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>

#include "host/lib/application.hpp"
#include "host/lib/ending.hpp"
#include "host/lib/signals.hpp"
#include "host/lib/tsc.hpp"

namespace enclavisor::host {

const char* state_name(Resident::State state) {
    switch (state) {
        case Resident::State::kStarting:
            return "starting";
        case Resident::State::kRunning:
            return "running";
        case Resident::State::kPaused:
            return "paused";
        case Resident::State::kEnded:
            return "ended";
    }
    return "unknown";
}

Resident::Resident(Machine& machine, Ledger& ledger, std::uint64_t id, RunRequest request)
    : machine_{machine}, ledger_{ledger}, id_{id}, request_{std::move(request)}, thread_{[this] { run(); }} {}

Resident::~Resident() {
    (void)stop();
    thread_.join();
}

Result<Enclave> Resident::build() {
    const Application application = TRY(describe_application(request_.target, request_.limit));
    if (!application.members.empty()) {
        return fail("a group does not run in a daemon's VM yet", "run it without --vm");
    }
    StartParameters start;
    start.arguments = TRY(arguments_for(application, request_.target, request_.arguments));
    auto enclave = TRY(Enclave::build(machine_, application.image));
    ProxyOptions proxy;
    proxy.directory = request_.directory;
    proxy.standard_input = request_.standard[0].get();
    proxy.standard_output = request_.standard[1].get();
    proxy.standard_error = request_.standard[2].get();
    TRY(enclave.attach_proxy(proxy));
    start.environment = request_.environment;
    start.directory = request_.directory;
    start.pid = enclave.proxy()->pid();
    start.verbose = request_.verbose;
    TRY(enclave.hand_over(start));
    return enclave;
}

Result<void> Resident::start(Enclave& enclave) {
    std::lock_guard guard{mutex_};
    if (stop_wanted_) return fail("it was stopped before it started", "", 128 + SIGKILL);
    TRY(enclave.start());
    enclave_ = &enclave;
    measurement_ = to_hex(enclave.measurement());
    state_ = State::kRunning;
    ledger_.started(description());
    changed_.notify_all();
    return {};
}

void Resident::ended(int exit_code, std::string text, const std::string& reason) {
    std::lock_guard guard{mutex_};
    state_ = State::kEnded;
    exit_code_ = exit_code;
    ending_ = std::move(text);
    end_ = std::chrono::steady_clock::now();
    if (reason.empty()) {
        ledger_.refused(description());
    } else {
        ledger_.ended(description(), reason, ticks_, calls_);
    }
    changed_.notify_all();
}

void Resident::run() {
    auto built = build();
    // They are the proxy's now: who waits for the end of its output must see it.
    for (Fd& fd : request_.standard) fd.reset();
    Result<void> started = built.ok() ? start(*built) : Result<void>{base::Failure{built.error()}};
    if (!started.ok()) {
        {
            std::lock_guard guard{mutex_};
            refused_ = started.error();
        }
        return ended(started.error().exit_code, started.error().text(), "");
    }
    auto status = built->wait();
    {
        std::lock_guard guard{mutex_};
        enclave_ = nullptr;
        if (status.ok()) ticks_ = status->ticks;
        calls_ = built->forwarded_calls();
    }
    // Gone, with all that it had, before anybody hears of its end.
    (void)built->destroy();
    if (!status.ok()) return ended(status.error().exit_code, status.error().text(), "lost");
    const Ending ending = describe_ending(*status);
    ended(ending.exit_code, ending.text, end_reason_name(status->reason));
}

Json Resident::describe() const {
    std::lock_guard guard{mutex_};
    return description();
}

Json Resident::description() const {
    const auto until = state_ == State::kEnded ? end_ : std::chrono::steady_clock::now();
    Json json{{"id", id_},
              {"name", std::filesystem::path{request_.target}.filename().string()},
              {"target", request_.target},
              {"state", state_name(state_)},
              {"seconds", std::chrono::duration_cast<std::chrono::seconds>(until - began_).count()}};
    if (!measurement_.empty()) json["measurement"] = measurement_;
    std::uint64_t ticks = ticks_, calls = calls_;
    if (enclave_ != nullptr) {
        calls = enclave_->forwarded_calls();
        if (auto report = enclave_->report(); report.ok()) {
            ticks = report->ticks;
            json["bytes"] = report->pages * abi::kPageSize;
            json["limit_bytes"] = report->page_limit * abi::kPageSize;
        }
    }
    json["calls"] = calls;
    json["cpu_seconds"] = seconds_of_ticks(ticks);
    if (state_ == State::kEnded) {
        json["exit_code"] = exit_code_;
        json["ending"] = ending_;
    }
    return json;
}

Result<std::string> Resident::wait_until_started() const {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return state_ != State::kStarting; });
    if (refused_) return base::Failure{*refused_};
    return measurement_;
}

Result<void> Resident::stop() {
    std::lock_guard guard{mutex_};
    stop_wanted_ = true;
    if (enclave_ == nullptr || !machine_.running()) return {};
    return enclave_->stop();
}

Result<void> Resident::signal(int number) {
    std::lock_guard guard{mutex_};
    TRY(check_signal(number));
    if (enclave_ == nullptr) {
        return fail(fmt::format("enclave {} is {}", id_, state_name(state_)),
                    "only one that runs takes signals");
    }
    return enclave_->signal(number);
}

Result<void> Resident::switch_state(State from, State to, abi::Command command, const char* what) {
    std::lock_guard guard{mutex_};
    if (state_ != from || enclave_ == nullptr) {
        return fail(fmt::format("enclave {} is {}", id_, state_name(state_)),
                    fmt::format("only one that is {} can be {}", state_name(from), what));
    }
    TRY(machine_.control().call(command, {enclave_->handle()}));
    state_ = to;
    return {};
}

Result<void> Resident::pause() {
    return switch_state(State::kRunning, State::kPaused, abi::Command::kPause, "paused");
}
Result<void> Resident::resume() {
    return switch_state(State::kPaused, State::kRunning, abi::Command::kResume, "resumed");
}

}  // namespace enclavisor::host

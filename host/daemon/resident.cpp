#include "host/daemon/resident.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>

#include "host/lib/application.hpp"
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

Result<Ensemble> Resident::build() {
    const Application application =
        TRY(describe_application(request_.target, request_.limit, request_.allows_exec));
    parameters_.arguments = TRY(arguments_for(application, request_.target, request_.arguments));
    parameters_.environment = request_.environment;
    parameters_.directory = request_.directory;
    parameters_.verbose = request_.verbose;
    parameters_.pid = kPidOfProxy;
    ProxyOptions proxy;
    proxy.directory = request_.directory;
    proxy.standard_input = request_.standard[0].get();
    proxy.standard_output = request_.standard[1].get();
    proxy.standard_error = request_.standard[2].get();
    return build_ensemble(machine_, application, parameters_, proxy);
}

Result<void> Resident::start(Ensemble& ensemble) {
    std::lock_guard guard{mutex_};
    if (stop_wanted_) return fail("it was stopped before it started", "", 128 + SIGKILL);
    for (Enclave& enclave : ensemble.enclaves) TRY(enclave.start());
    for (Enclave& enclave : ensemble.enclaves) parts_.push_back(&enclave);
    measurement_ = to_hex(ensemble.measurement);
    state_ = State::kRunning;
    ledger_.started(description());
    changed_.notify_all();
    return {};
}

Result<void> Resident::fork_instances(Enclave& origin, std::vector<Enclave>& instances) {
    instances.reserve(request_.instances);
    for (unsigned i = 1; i <= request_.instances; i++) {
        auto instance = TRY(fork_instance(origin, parameters_, i, request_.instances));
        std::lock_guard guard{mutex_};
        instances.push_back(std::move(instance));
        parts_.push_back(&instances.back());
        if (stop_wanted_) return fail("was stopped", "", 128 + SIGKILL);
        if (state_ == State::kPaused)
            TRY(machine_.control().call(abi::Command::kPause, {instances.back().handle()}));
    }
    return {};
}

Result<Ending> Resident::attend(Ensemble& ensemble, std::vector<Enclave>& instances, std::string& reason) {
    std::vector<Enclave>* enclaves = &ensemble.enclaves;
    if (enclaves->size() == 1 && TRY(enclaves->front().wait_for_template())) {
        TRY(fork_instances(enclaves->front(), instances));
        enclaves = &instances;
    }
    Ending all{0, ""};
    for (std::size_t i = 0; i < enclaves->size(); i++) {
        const auto status = TRY((*enclaves)[i].wait());
        Ending ending = describe_ending(status);
        if (enclaves->size() > 1 && !ending.text.empty()) {
            const std::string name =
                instances.empty() ? ensemble.names[i] : fmt::format("instance {}", i + 1);
            ending.text = fmt::format("{}{} {}", all.text.empty() ? "" : "; ", name, ending.text);
        }
        all.text += ending.text;
        if (i == 0 || (all.exit_code == 0 && ending.exit_code != 0)) reason = end_reason_name(status.reason);
        if (all.exit_code == 0) all.exit_code = ending.exit_code;
    }
    return all;
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
    std::vector<Enclave> instances;
    std::string reason = "lost";
    auto ending = attend(*built, instances, reason);
    bool stopped;  // while it made instances
    {
        std::unique_lock lock{mutex_};
        Json figures;
        add_figures(figures);
        ticks_ = get_or<std::uint64_t>(figures, "ticks", 0);
        calls_ = get_or<std::uint64_t>(figures, "calls", 0);
        parts_.clear();
        changed_.wait(lock, [this] { return borrowers_ == 0; });
        stopped = !ending.ok() && stop_wanted_;
    }
    // Gone, with all that they had, before anybody hears of the end.
    instances.clear();
    built->enclaves.clear();
    if (stopped) return ended(128 + SIGKILL, "was stopped", "stopped");
    if (!ending.ok()) return ended(ending.error().exit_code, ending.error().text(), "lost");
    ended(ending->exit_code, ending->text, reason);
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
    json["calls"] = calls_;
    json["ticks"] = ticks_;
    if (!parts_.empty()) add_figures(json);
    json["cpu_seconds"] = seconds_of_ticks(get_or<std::uint64_t>(json, "ticks", 0));
    json.erase("ticks");
    if (state_ == State::kEnded) {
        json["exit_code"] = exit_code_;
        json["ending"] = ending_;
    }
    return json;
}

void Resident::add_figures(Json& json) const {
    std::uint64_t pages = 0, limit = 0, ticks = 0, calls = 0;
    for (Enclave* part : parts_) {
        calls += part->forwarded_calls();
        auto report = part->report();
        if (!report.ok()) continue;
        pages += report->pages;
        limit += report->page_limit;
        ticks += report->ticks;
    }
    json["bytes"] = pages * abi::kPageSize;
    json["limit_bytes"] = limit * abi::kPageSize;
    json["ticks"] = ticks;
    json["calls"] = calls;
    if (parts_.size() > 1) json["enclaves"] = parts_.size();
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
    if (!machine_.running()) return {};
    Result<void> done{};
    for (Enclave* part : parts_) {
        // A template goes after its instances, by its thread.
        auto stopped = part->stop();
        if (!stopped.ok() && !part->is(abi::EnclaveState::kTemplate)) done = std::move(stopped);
    }
    return done;
}

Result<void> Resident::signal(int number) {
    std::lock_guard guard{mutex_};
    TRY(check_signal(number));
    Result<void> refused =
        fail(fmt::format("enclave {} is {}", id_, state_name(state_)), "only one that runs takes signals");
    bool taken = false;
    for (Enclave* part : parts_) {
        auto sent = part->signal(number);
        taken |= sent.ok();
        if (!sent.ok()) refused = std::move(sent);
    }
    if (!taken) return refused;
    return {};
}

Result<Enclave*> Resident::borrow() {
    std::lock_guard guard{mutex_};
    if (state_ != State::kRunning || parts_.empty()) {
        return fail(fmt::format("enclave {} is {}", id_, state_name(state_)),
                    "only one that runs can start a program");
    }
    if (parts_.size() > 1) {
        return fail(fmt::format("number {} stands for several enclaves", id_),
                    "run one alone: --instances 1, or no group");
    }
    borrowers_++;
    return parts_.front();
}

void Resident::give_back() {
    std::lock_guard guard{mutex_};
    borrowers_--;
    changed_.notify_all();
}

Result<Execution> Resident::execute(const std::vector<std::string>& words,
                                    const std::array<int, 3>& standard) {
    Enclave* enclave = TRY(borrow());
    auto execution = enclave->execute(words, standard);
    give_back();
    return execution;
}

Result<void> Resident::signal(const Execution& execution, int number) {
    Enclave* enclave = TRY(borrow());
    auto done = enclave->signal(execution, number);
    give_back();
    return done;
}

Result<void> Resident::switch_state(State from, State to, abi::Command command, const char* what) {
    std::lock_guard guard{mutex_};
    if (state_ != from || parts_.empty()) {
        return fail(fmt::format("enclave {} is {}", id_, state_name(state_)),
                    fmt::format("only one that is {} can be {}", state_name(from), what));
    }
    for (Enclave* part : parts_) {
        if (part->is(abi::EnclaveState::kStopped) || part->is(abi::EnclaveState::kTemplate)) continue;
        TRY(machine_.control().call(command, {part->handle()}));
    }
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

#include "host/daemon/daemon.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "host/lib/measure.hpp"
#include "host/lib/vm_report.hpp"

namespace enclavisor::host {
namespace {

constexpr int kLookMs = 100;  // how soon the daemon sees that it is to end
constexpr unsigned kMostConversations = 512;
constexpr unsigned kMostInstances = 200;  // of one request

// Whether the other end has gone away.
bool hung_up(int socket) {
    pollfd polled{socket, POLLRDHUP, 0};
    return ::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

Result<Fd> listen_at(const VmPlace& place) {
    Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_un address = place.address();
    // What a daemon that was killed left; the lock says that none lives.
    ::unlink(place.socket().c_str());
    if (!listener ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), 64) != 0) {
        return fail(fmt::format("cannot listen at {}: {}", place.socket().string(), std::strerror(errno)));
    }
    return listener;
}

Json state_of(const MachineStats& stats) {
    return {{"frames", stats.total_frames},    {"free_frames", stats.free_frames},
            {"enclaves", stats.live_enclaves}, {"ignored_interrupts", stats.ignored_interrupts},
            {"idle_ticks", stats.idle_ticks},  {"tsc", stats.tsc}};
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::begin(VmPlace place, const DaemonOptions& options, EventLog log) {
    auto machine = TRY(Machine::launch(options.machine));
    auto listener = TRY(listen_at(place));
    std::unique_ptr<Daemon> daemon{
        new Daemon{std::move(place), options, std::move(log), std::move(machine), std::move(listener)}};
    if (!options.metrics.empty()) {
        daemon->metrics_server_ =
            TRY(MetricsServer::start(options.metrics, [self = daemon.get()] { return self->metrics(); }));
    }
    daemon->ledger_.say("vm-started", TRY(daemon->stats()));
    return daemon;
}

Daemon::Daemon(VmPlace place, const DaemonOptions& options, EventLog log, std::unique_ptr<Machine> machine,
               Fd listener)
    : place_{std::move(place)},
      options_{options},
      ledger_{std::move(log)},
      machine_{std::move(machine)},
      listener_{std::move(listener)} {}

Daemon::~Daemon() {
    ending_ = true;
    metrics_server_.reset();
    ::unlink(place_.socket().c_str());
    std::map<std::uint64_t, std::shared_ptr<Resident>> residents;
    {
        std::unique_lock lock{mutex_};
        quiet_.wait(lock, [this] { return conversations_ == 0; });
        residents.swap(residents_);
    }
    residents.clear();
    ledger_.say("vm-ended");
}

Result<void> Daemon::serve(const std::atomic<int>& stop) {
    while (stop.load() == 0 && !ending()) {
        pollfd polled{listener_.get(), POLLIN, 0};
        const bool called = ::poll(&polled, 1, kLookMs) > 0;
        trim_logs();
        if (!called) continue;
        Fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!client) continue;
        std::lock_guard guard{mutex_};
        if (conversations_ == kMostConversations) {
            send_json(client.get(), to_json(Error{"the daemon has too many clients", "try again later"}));
            continue;
        }
        conversations_++;
        std::thread{[this, client = std::move(client)]() mutable {
            converse(std::move(client));
            std::lock_guard ended{mutex_};
            conversations_--;
            quiet_.notify_all();
        }}.detach();
    }
    if (!machine_->running()) return base::Failure{machine_->explain("the VM ended")};
    return {};
}

void Daemon::converse(Fd client) {
    // A client that says nothing does not keep the daemon from ending.
    const timeval longest{1, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    auto message = receive_json(client.get());
    if (!message) return;
    const auto op = get_or<std::string>(message->body, "op", "");
    if (op == "run") return run(client.get(), std::move(*message));
    if (op == "wait") return wait(client.get(), message->body);
    if (op == "exec") return execute(client.get(), std::move(*message));
    const auto answered = answer(message->body);
    send_json(client.get(), answered.ok() ? answered.value() : to_json(answered.error()));
}

void Daemon::wait(int client, const Json& request) {
    const auto resident = find(request);
    if (!resident.ok()) {
        send_json(client, to_json(resident.error()));
    } else if (resident.value()->wait([&] { return ending() || hung_up(client); })) {
        send_json(client, resident.value()->describe());
    }
}

std::shared_ptr<Resident> Daemon::add(RunRequest request, std::uint64_t id) {
    auto resident = std::make_shared<Resident>(*machine_, ledger_, id, std::move(request));
    std::lock_guard guard{mutex_};
    residents_[id] = resident;
    return resident;
}

// Answers twice: when the enclave has started, and, unless it is detached, when it has
// ended. It ends when its client goes away.
void Daemon::run(int client, Message message) {
    const Json& body = message.body;
    RunRequest request;
    request.target = get_or<std::string>(body, "target", "");
    request.limit = get_or<std::string>(body, "limit", "");
    request.arguments = get_or<std::vector<std::string>>(body, "arguments", {});
    request.environment = get_or<std::vector<std::string>>(body, "environment", {});
    request.directory = get_or<std::string>(body, "directory", "/");
    request.instances = std::clamp(get_or(body, "instances", 1u), 1u, kMostInstances);
    request.verbose = get_or(body, "verbose", false);
    request.allows_exec = get_or(body, "allow_exec", false);
    const bool detached = get_or(body, "detach", false);
    std::uint64_t id;
    {
        std::lock_guard guard{mutex_};
        id = next_id_++;
    }
    if (detached) {
        if (const auto done = detach(request, id); !done.ok()) {
            send_json(client, to_json(done.error()));
            return;
        }
    } else {
        if (message.fds.size() != 3) {
            send_json(client, to_json(Error{"the request has no three standard descriptors", ""}));
            return;
        }
        for (int i = 0; i < 3; i++) request.standard[i] = std::move(message.fds[i]);
    }
    const auto resident = add(std::move(request), id);
    const auto forget = [&] {
        std::lock_guard guard{mutex_};
        residents_.erase(id);
        logs_.erase(id);
    };
    const auto started = resident->wait_until_started();
    if (!started.ok()) {
        send_json(client, to_json(started.error()));
        return forget();
    }
    const bool heard = send_json(client, {{"id", id}, {"measurement", started.value()}});
    if (detached) return;
    if (heard && resident->wait([&] { return ending() || hung_up(client); })) {
        send_json(client, resident->describe());
    }
    forget();
}

void Daemon::execute(int client, Message message) {
    const auto words = get_or<std::vector<std::string>>(message.body, "words", {});
    const auto begin = [&]() -> Result<int> {
        const auto resident = TRY(find(message.body));
        if (message.fds.size() != 3 || words.empty() || words[0].empty())
            return fail("the request has no program, or no three standard descriptors");
        auto& fds = message.fds;
        const auto execution = TRY(resident->execute(words, {fds[0].get(), fds[1].get(), fds[2].get()}));
        fds.clear();  // who waits for the end of its output must see it
        return attend(client, *resident, execution);
    };
    const auto ended = begin();
    send_json(client, ended.ok() ? Json{{"exit_code", ended.value()}} : to_json(ended.error()));
}

Result<int> Daemon::attend(int client, Resident& resident, const Execution& execution) {
    bool abandoned = false;
    for (;;) {
        pollfd polled[2] = {{execution.fd(), POLLIN, 0}, {abandoned ? -1 : client, POLLIN | POLLRDHUP, 0}};
        ::poll(polled, 2, kLookMs);
        if (polled[0].revents != 0) return execution.ended();
        if (ending()) return fail("the daemon ends");
        if (polled[1].revents == 0) continue;
        const auto message = hung_up(client) ? std::nullopt : receive_json(client);
        abandoned = !message;
        const auto done = resident.signal(execution, message ? get_or(message->body, "signal", 0) : SIGKILL);
        // Nobody would wait for it.
        if (abandoned && !done.ok()) return base::Failure{done.error()};
    }
}

Result<std::shared_ptr<Resident>> Daemon::find(const Json& request) {
    const auto id = get_or<std::uint64_t>(request, "id", 0);
    std::lock_guard guard{mutex_};
    const auto found = residents_.find(id);
    if (found == residents_.end()) {
        return fail(fmt::format("the VM '{}' has no enclave {}", place_.name, id), "see enclavisor ps");
    }
    return found->second;
}

std::vector<std::shared_ptr<Resident>> Daemon::all() {
    std::vector<std::shared_ptr<Resident>> list;
    std::lock_guard guard{mutex_};
    for (const auto& [id, resident] : residents_) list.push_back(resident);
    return list;
}

Result<Json> Daemon::remove(const Json& request) {
    auto resident = TRY(find(request));
    if (get_or(request, "force", false)) TRY(resident->stop());
    const bool over = resident->wait([begin = std::chrono::steady_clock::now(), &request] {
        const auto longest = std::chrono::seconds{get_or(request, "force", false) ? 30 : 0};
        return std::chrono::steady_clock::now() - begin >= longest;
    });
    if (!over)
        return fail(fmt::format("enclave {} has not ended", resident->id()),
                    "kill it, or remove it with --force");
    std::error_code ignored;
    std::filesystem::remove(place_.log(resident->id()), ignored);
    std::lock_guard guard{mutex_};
    residents_.erase(resident->id());
    logs_.erase(resident->id());
    return Json::object();
}

Result<Json> Daemon::stats() {
    Json json = state_of(TRY(machine_->stats()));
    const auto info = TRY(machine_->hello());
    json["name"] = place_.name;
    json["platform"] = platform_name(options_.machine.platform);
    json["version"] = options_.version;
    json["cpus"] = info.cpus;
    json["pid"] = ::getpid();
    if (const SevGuest* guest = machine_->sev_guest()) {
        json["launch_digest"] = to_hex(guest->digest);
        json["debugging"] = allows_debugging(*guest);
    }
    if (metrics_server_) json["metrics"] = metrics_server_->address();
    return json;
}

std::string Daemon::metrics() {
    const auto state = stats();
    const Json gone{{"version", options_.version}, {"platform", platform_name(options_.machine.platform)}};
    Json list = Json::array();
    for (const auto& resident : all()) list.push_back(resident->describe());
    return metrics_text(state.ok() ? state.value() : gone, list, ledger_.totals());
}

Result<void> Daemon::detach(RunRequest& request, std::uint64_t id) {
    auto log = TRY(OutputLog::create(place_.log(id), options_.log_limit));
    request.standard[0] = Fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    request.standard[1] = TRY(log.writer());
    request.standard[2] = TRY(log.writer());
    std::lock_guard guard{mutex_};
    logs_.emplace(id, std::move(log));
    return {};
}

void Daemon::trim_logs() {
    std::lock_guard guard{mutex_};
    for (auto& [id, log] : logs_) log.trim();
}

Result<Json> Daemon::answer(const Json& request) {
    const auto op = get_or<std::string>(request, "op", "");
    if (op == "ps") {
        Json list = Json::array();
        for (const auto& resident : all()) list.push_back(resident->describe());
        return Json{{"enclaves", list}};
    }
    if (op == "stats") return stats();
    if (op == "console") return Json{{"text", machine_->log()}};
    if (op == "rm") return remove(request);
    if (op == "report") {
        const auto data = TRY(parse_report_data(get_or<std::string>(request, "data", "")));
        return Json{{"report", to_hex(TRY(vm_report(*machine_, data)))}};
    }
    if (op == "stop") {
        ending_ = true;
        return Json::object();
    }
    if (op == "kill" || op == "pause" || op == "resume") {
        const auto resident = TRY(find(request));
        const int number = get_or(request, "signal", SIGTERM);
        TRY(op == "pause"       ? resident->pause()
            : op == "resume"    ? resident->resume()
            : number == SIGKILL ? resident->stop()
                                : resident->signal(number));
        return resident->describe();
    }
    return fail(fmt::format("the daemon knows no '{}'", op), "use a client of the same version");
}

}  // namespace enclavisor::host

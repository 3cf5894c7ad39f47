#include "runtime/processes/requested.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "abi/host/io_area.hpp"
#include "runtime/config/execution.hpp"
#include "runtime/entry/program_start.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/end.hpp"
#include "runtime/processes/exec.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/support/buffer.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// For the spaces that processes begin in.
TimeData time_of_requests{};

std::uint64_t& request_word() {
    return reinterpret_cast<abi::IoHeader*>(this_thread().block->io_address)->execution;
}

Process* requested_by(int channel) {
    Process* found = nullptr;
    system().processes.for_each([&](Process& process) {
        if (process.channel && process.channel->host_fd() == channel) found = &process;
        return found != nullptr;
    });
    return found;
}

std::uint32_t requested_count() {
    std::uint32_t count = 0;
    system().processes.for_each([&](const Process& process) {
        count += process.channel ? 1 : 0;
        return false;
    });
    return count;
}

// --- In the new process --------------------------------------------------------

// Where a program of that name may lie: itself, or in the directories of PATH.
std::vector<std::string> candidates(std::string_view name, const std::vector<std::string>& environment) {
    if (name.find('/') != std::string_view::npos) return {std::string{name}};
    std::string_view path = kDefaultPath;
    for (const std::string_view variable : environment) {
        if (variable.starts_with("PATH=")) path = variable.substr(5);
    }
    std::vector<std::string> paths;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const std::string_view directory = path.substr(begin, end - begin);
        if (directory.starts_with('/')) paths.push_back(join(directory, "/", name));
        begin = end + 1;
    }
    return paths;
}

// The first that is allowed and there: 0 or -errno.
std::int64_t open_allowed(const Execution& wanted, ExecRequest& request) {
    std::int64_t error = -EPERM;
    for (std::string& path : candidates(wanted.words[0], request.environment)) {
        if (!may_execute(system().config, path, wanted.words)) continue;
        auto opened = open_executable(path);
        if (!opened.ok()) {
            if (error != -EACCES) error = opened.error();
            continue;
        }
        request.file = opened.take();
        request.path = std::move(path);
        return 0;
    }
    return error;
}

// A call that is cut short for something else is made again.
template <typename... Values>
std::int64_t forward_surely(abi::ForwardedCall call, Values... values) {
    constexpr int kMost = 8;  // beyond that the host is not interrupted but lies
    std::int64_t result = -kRestart;
    for (int i = 0; result == -kRestart && i < kMost; i++) {
        result = forward(call, values...);
        this_thread().set_work(kWorkRestart, false);
    }
    return result == -kRestart ? -EINTR : result;
}

std::int64_t prepare_program(Process& self, ExecRequest& request) {
    Buffer bytes{abi::kMaxExecutionRequest};
    const std::int64_t size =
        forward_surely(abi::ForwardedCall::kRead, self.channel->host_fd(), bytes.data(), bytes.size());
    if (size < 0) return size;
    const auto wanted = parse_execution({bytes.data(), static_cast<std::size_t>(size)});
    if (!wanted) return -EINVAL;
    give_streams(self, wanted->standard, make_ref<HostTerminal>());
    for (const std::string_view variable : configured_environment(system().config, system().start))
        request.environment.emplace_back(variable);
    request.arguments.assign(wanted->words.begin(), wanted->words.end());
    request.unblocks = true;
    return open_allowed(*wanted, request);
}

std::int64_t run_program(Process& self) {
    ExecRequest request;
    if (const std::int64_t error = prepare_program(self, request); error != 0) return error;
    return execute(std::move(request));
}

// Where its thread begins, in the runtime, in an empty space and without the lock.
[[noreturn]] void begin() {
    place_time_data(time_of_requests);
    runtime_lock.lock();
    Process& self = process();
    tell_requester(self, run_program(self));
    exit_process(exit_status(127));
}

// --- What the host asks --------------------------------------------------------

bool begin_process(int channel) {
    if (requested_count() >= abi::kMaxExecutions) return false;
    const std::int64_t space = kernel_call(abi::Call::kForkSpace);
    if (space < 0) return false;
    abi::StartInfo told = system().start.info;
    told.pid = system().threads.next_id();
    told.ppid = 0;
    auto made = std::make_unique<Process>(system().config, told);
    made->directory = configured_directory(system().config, system().start);
    made->limits[RLIMIT_NPROC] = {system().threads.most(), system().threads.most()};
    made->began = system().clock.read(ClockKind::kMonotonic);
    Process& process = system().processes.add(std::move(made));
    time_of_requests = *time_data();
    if (system().threads.create_leader(process, static_cast<std::uint64_t>(space), &begin) != 0) {
        kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space));
        system().processes.ended();
        system().processes.remove(process);
        return false;
    }
    // Its own from here on: what it closes, it closes with the host.
    process.channel = Ref<OpenFile>{new HostFile(channel, O_RDWR)};
    return true;
}

// What a terminal sends is for its foreground group, SIGKILL for the session, everything else for the
// process.
bool send_signal(const Process& process, std::uint32_t number) {
    constexpr std::uint64_t kOfTerminal =
        signal_bit(SIGINT) | signal_bit(SIGQUIT) | signal_bit(SIGHUP) | signal_bit(SIGWINCH);
    if (number > kSignalCount) return false;
    const std::uint64_t bit = signal_bit(static_cast<int>(number));
    if (number != SIGKILL && !(abi::kHostSignals & bit)) return false;
    SignalInfo info{};
    info.number = static_cast<std::int32_t>(number);
    info.code = SI_USER;
    const std::uint32_t foreground =
        process.terminal && (bit & kOfTerminal) ? process.terminal->foreground : 0;
    const auto hears = [&](const Process& each) {
        return &each == &process || (foreground != 0 && each.group == foreground) ||
               (number == SIGKILL && each.session == process.session);
    };
    return send_to_all(hears, [&](Process& target) { return send_to_process(target, info); }) == 0;
}

std::uint64_t do_request(std::uint64_t word) {
    if (!may_execute(system().config)) return abi::kExecutionForbidden;
    const std::int32_t channel = abi::execution_channel(word);
    const std::uint32_t signal = abi::execution_signal(word);
    if (channel < 0) return abi::kExecutionRefused;
    const Process* present = requested_by(channel);
    const bool done = signal == 0 ? present == nullptr && begin_process(channel)
                                  : present != nullptr && send_signal(*present, signal);
    return done ? 0 : abi::kExecutionRefused;
}

// What the enclave answers with is no request.
bool is_request(std::uint64_t word) {
    return word != 0 && word < abi::kExecutionRefused;
}

}  // namespace

bool request_waits() {
    return is_request(__atomic_load_n(&request_word(), __ATOMIC_RELAXED));
}

// The word stays until there is an answer: one that was taken and one that was refused differ at first sight.
void take_request() {
    const std::uint64_t word = __atomic_load_n(&request_word(), __ATOMIC_ACQUIRE);
    if (is_request(word)) __atomic_store_n(&request_word(), do_request(word), __ATOMIC_RELEASE);
}

void tell_requester(Process& process, std::int64_t error) {
    const Ref<OpenFile> channel = std::exchange(process.channel, Ref<OpenFile>{});
    if (!channel) return;
    const abi::ExecutionAnswer answer{static_cast<std::int32_t>(error), process.status};
    forward_surely(abi::ForwardedCall::kWrite, channel->host_fd(), &answer, sizeof(answer));
}

}  // namespace enclavisor::runtime

#include "host/lib/enclave.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "host/lib/fd_message.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/shared_word.hpp"
#include "host/lib/signals.hpp"

namespace enclavisor::host {
namespace {

constexpr std::chrono::milliseconds kLongestSleep{50};
constexpr std::chrono::seconds kLongestRequest{30};  // a VM may be slow

// What the commands that seal answer.
Measurement measurement_in(const ControlValues& values) {
    Measurement measurement;
    static_assert(sizeof(measurement) <= sizeof(values));
    std::memcpy(measurement.data(), values.data(), measurement.size());
    return measurement;
}

Result<Fd> memory_file(std::span<const std::byte> bytes) {
    Fd file{::memfd_create("enclavisor-hashes", MFD_CLOEXEC)};
    std::size_t done = 0;
    while (file && done < bytes.size()) {
        const ssize_t count =
            ::pwrite(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (count < 0 && errno != EINTR) file.reset();
        if (count > 0) done += static_cast<std::size_t>(count);
    }
    if (!file) return fail(fmt::format("cannot keep hashes in memory: {}", std::strerror(errno)));
    return file;
}

}  // namespace

Result<IoLease> IoLease::create(Machine& machine, std::uint64_t pages) {
    return IoLease{machine, TRY(machine.io_pool().allocate(pages)), pages * abi::kPageSize};
}

IoLease::~IoLease() {
    if (machine_ == nullptr) return;
    machine_->link().clear(offset_, size_);
    machine_->io_pool().free(offset_);
}

// --- Builder ---------------------------------------------------------------

Result<EnclaveBuilder> EnclaveBuilder::create(Machine& machine, const CreateOperation& operation) {
    const auto values = TRY(machine.control().call(
        abi::Command::kCreate, {operation.memory_limit, operation.runtime_begin, operation.runtime_end,
                                operation.syscall_entry, operation.exception_entry, operation.attributes}));
    return EnclaveBuilder{machine, values[0], operation.syscall_entry != 0};
}

EnclaveBuilder::EnclaveBuilder(EnclaveBuilder&& other) noexcept
    : machine_{other.machine_},
      handle_{std::exchange(other.handle_, 0)},
      has_runtime_{other.has_runtime_},
      io_{std::move(other.io_)} {}

EnclaveBuilder::~EnclaveBuilder() {
    if (handle_ != 0 && machine_->running())
        (void)machine_->control().call(abi::Command::kDestroy, {handle_});
}

Result<void> EnclaveBuilder::add_pages(const PagesOperation& operation) {
    const std::span<const std::byte> contents{operation.contents};
    constexpr std::size_t kMost = abi::kMaxPagesPerCommand * abi::kPageSize;
    for (std::size_t done = 0; done < contents.size(); done += kMost) {
        const auto part = contents.subspan(done, std::min(kMost, contents.size() - done));
        TRY(machine_->control().call(
            abi::Command::kAddPages,
            {handle_, operation.address + done, part.size() / abi::kPageSize, operation.permissions, 0},
            part));
    }
    return {};
}

Result<void> EnclaveBuilder::add(const ImageOperation& operation) {
    if (const auto* pages = std::get_if<PagesOperation>(&operation)) return add_pages(*pages);
    if (const auto* zero = std::get_if<ZeroPagesOperation>(&operation)) {
        TRY(machine_->control().call(abi::Command::kAddZeroPages,
                                     {handle_, zero->address, zero->pages, zero->permissions}));
        return {};
    }
    const auto& thread = std::get<ThreadOperation>(operation);
    auto lease = TRY(IoLease::create(*machine_, thread.io_pages));
    TRY(machine_->control().call(
        abi::Command::kAddThread,
        {handle_, thread.entry, thread.block_address, thread.io_address, lease.offset(), thread.io_pages}));
    io_.push_back(std::move(lease));
    return {};
}

Result<Enclave> EnclaveBuilder::seal() && {
    const auto values = TRY(machine_->control().call(abi::Command::kSeal, {handle_}));
    return Enclave{*machine_, std::exchange(handle_, 0), has_runtime_, std::move(io_),
                   measurement_in(values)};
}

// --- Enclave ---------------------------------------------------------------

Result<Enclave> Enclave::build(Machine& machine, const EnclaveImage& image) {
    auto builder = TRY(EnclaveBuilder::create(machine, image.create));
    for (const ImageOperation& operation : image.operations) TRY(builder.add(operation));
    Enclave enclave = TRY(std::move(builder).seal());
    if (!image.hashes.empty()) enclave.hashes_ = TRY(memory_file(image.hashes));
    return enclave;
}

Result<Measurement> Enclave::seal_group(Machine& machine, std::span<Enclave> members) {
    if (members.empty() || members.size() > abi::kMaxGroupMembers)
        return fail("a group has 1 to 6 members", "start fewer enclaves together");
    std::uint64_t handles[abi::kMaxGroupMembers] = {};
    std::transform(members.begin(), members.end(), handles, [](const Enclave& e) { return e.handle_; });
    const auto values = TRY(machine.control().call(
        abi::Command::kSealGroup, {handles[0], handles[1], handles[2], handles[3], handles[4], handles[5]}));
    return measurement_in(values);
}

Enclave::Enclave(Enclave&& other) noexcept
    : machine_{other.machine_},
      handle_{std::exchange(other.handle_, 0)},
      has_runtime_{other.has_runtime_},
      forked_at_{other.forked_at_},
      io_{std::move(other.io_)},
      measurement_{other.measurement_},
      proxy_{std::move(other.proxy_)},
      proxy_control_{std::move(other.proxy_control_)},
      proxy_mutex_{std::move(other.proxy_mutex_)},
      hashes_{std::move(other.hashes_)},
      handler_{std::move(other.handler_)} {}

Enclave::~Enclave() {
    if (handle_ != 0) (void)destroy();
}

Result<void> Enclave::attach_proxy(const ProxyOptions& options) {
    const auto program = options.program.empty() ? TRY(find_proxy()) : options.program;
    const int link = machine_->link().fd(), doorbell = machine_->guest_doorbell();
    std::vector<std::string> arguments{
        program.string(), fmt::format("--link={}", link), fmt::format("--doorbell={}", doorbell),
        fmt::format("--area={}", io_.at(0).offset()),
        fmt::format("--areas={}", abi::io_area_count(io_.at(0).bytes().size()))};
    auto [ours, theirs] = TRY(socket_pair(SOCK_SEQPACKET));
    arguments.push_back(fmt::format("--control={}", theirs.get()));
    arguments.insert(arguments.end(), options.extra_arguments.begin(), options.extra_arguments.end());
    SpawnOptions spawn;
    spawn.inherit = {link, doorbell, theirs.get()};
    if (hashes_) {
        arguments.push_back(fmt::format("--hashes={}", hashes_.get()));
        spawn.inherit.push_back(hashes_.get());
    }
    spawn.standard_input = options.standard_input;
    spawn.standard_output = options.standard_output;
    spawn.standard_error = options.standard_error;
    spawn.directory = options.directory;
    proxy_ = std::make_unique<Process>(TRY(Process::spawn(arguments, spawn)));
    proxy_control_ = std::move(ours);
    return {};
}

void Enclave::attach_handler(IoLoop::Handler handler) {
    handler_ =
        std::make_unique<IoServerThread>(io_.at(0).bytes(), machine_->guest_doorbell(), std::move(handler));
}

Result<void> Enclave::hand_over(const StartParameters& parameters) {
    return write_start_info(io_.at(0).data(), parameters);
}

Result<void> Enclave::start() {
    TRY(machine_->control().call(abi::Command::kStart, {handle_}));
    return {};
}

Result<void> Enclave::check_alive() {
    TRY(machine_->check_alive());
    if (proxy_ == nullptr) return {};
    if (const auto ended = proxy_->ended()) {
        return fail(fmt::format("the enclave's proxy {}", describe_wait_status(*ended)),
                    "run the program again");
    }
    return {};
}

Result<void> Enclave::wait_for(const std::function<bool()>& reached,
                               std::optional<std::chrono::milliseconds> longest) {
    const auto begin = std::chrono::steady_clock::now();
    while (!reached()) {
        if (longest && std::chrono::steady_clock::now() - begin > *longest) {
            return fail("the enclave did not end in time", "allow more with --timeout", kExitTimeout);
        }
        const auto alive = check_alive();
        if (!alive && !reached()) return base::Failure{alive.error()};
        machine_->events().wait(reached, kLongestSleep);
    }
    return {};
}

Result<abi::EnclaveStatus> Enclave::wait(std::optional<std::chrono::milliseconds> longest) {
    TRY(wait_for([this] { return is(abi::EnclaveState::kStopped); }, longest));
    if (const auto record = machine_->last_status(handle_)) return *record;
    return fail("the status of the enclave was overwritten", "run the program again");
}

Result<EnclaveReport> Enclave::report() {
    const auto values = TRY(machine_->control().call(abi::Command::kReport, {handle_}));
    return EnclaveReport{values[0], values[1], values[2]};
}

std::uint64_t Enclave::forwarded_calls() const {
    if (io_.empty() || !has_runtime_) return 0;
    const auto window = io_[0].bytes();
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < abi::io_area_count(window.size()); i++)
        sum += load(reinterpret_cast<abi::IoHeader*>(window.data() + abi::io_area_offset(i))->completed);
    return sum;
}

Result<void> Enclave::signal(int number) {
    TRY(check_signal(number));
    if (!has_runtime_)
        return fail("an enclave without a Linux runtime takes no signals", "end it with signal KILL");
    auto& header = *reinterpret_cast<abi::IoHeader*>(io_.at(0).bytes().data());
    const std::uint64_t bit = 1ull << (number - 1);
    __atomic_fetch_or(&header.signals, bit, __ATOMIC_ACQ_REL);
    const auto interrupted = machine_->control().call(abi::Command::kInterrupt, {handle_});
    if (interrupted) return {};
    __atomic_fetch_and(&header.signals, ~bit, __ATOMIC_ACQ_REL);
    return base::Failure{interrupted.error()};
}

// --- Processes that are asked for -------------------------------------------

Result<ProxyReply> Enclave::ask_proxy(const ProxyRequest& request, std::span<const int> fds) {
    ProxyReply reply;
    if (!send_message(proxy_control_.get(), std::as_bytes(std::span{&request, 1}), fds) ||
        !receive_message(proxy_control_.get(), std::as_writable_bytes(std::span{&reply, 1}))) {
        return fail("the enclave's proxy does not answer", "run the program again");
    }
    return reply;
}

Result<void> Enclave::ask_for_execution(std::uint64_t word) {
    auto& slot = reinterpret_cast<abi::IoHeader*>(io_.at(0).bytes().data())->execution;
    __atomic_store_n(&slot, word, __ATOMIC_RELEASE);
    auto asked = machine_->control().call(abi::Command::kInterrupt, {handle_});
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        const std::uint64_t answer = __atomic_load_n(&slot, __ATOMIC_ACQUIRE);
        if (answer == 0) return {};
        if (answer == abi::kExecutionForbidden) {
            return fail("the enclave lets nothing be started in it",
                        "exec.allow in its manifest, or run --allow-exec of a bare program");
        }
        if (answer != word)
            return fail("the enclave takes no further process", "it has too many, or too little memory");
        const bool over = std::chrono::steady_clock::now() - begin > kLongestRequest;
        const auto alive = check_alive();
        const bool ended = !alive || !asked || is(abi::EnclaveState::kStopped);
        std::uint64_t taken_back = word;
        if ((over || ended) &&
            __atomic_compare_exchange_n(&slot, &taken_back, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            if (over) return fail("the enclave does not take the request", "try again");
            if (!alive) return base::Failure{alive.error()};
            return fail("the enclave does not run", "see enclavisor ps");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

Result<Execution> Enclave::execute(const std::vector<std::string>& words,
                                   const std::array<int, 3>& standard) {
    if (proxy_ == nullptr || !has_runtime_)
        return fail("an enclave without a Linux runtime has no processes", "run a Linux program");
    auto [ours, theirs] = TRY(socket_pair(SOCK_SEQPACKET));
    const int fds[kExecutionFds] = {theirs.get(), standard[0], standard[1], standard[2]};
    const std::lock_guard guard{*proxy_mutex_};
    const ProxyReply numbers = TRY(ask_proxy({ProxyOperation::kTake, 0, 0, {}}, fds));
    if (numbers.result < 0)
        return fail(fmt::format("the enclave's proxy takes no streams: {}", std::strerror(-numbers.result)));
    auto request = execution_request(words, std::span{numbers.fds}.subspan(1));
    Result<void> taken = request.ok() ? Result<void>{} : Result<void>{base::Failure{request.error()}};
    if (taken.ok() && !send_message(ours.get(), *request)) taken = fail("the request is not taken");
    if (taken.ok()) taken = ask_for_execution(abi::execution_word(numbers.fds[0]));
    if (taken.ok()) return Execution{std::move(ours), numbers.fds[0], words.front()};
    ProxyRequest back{ProxyOperation::kClose, 0, 0, {}};
    std::copy(std::begin(numbers.fds), std::end(numbers.fds), back.fds);
    (void)ask_proxy(back, {});
    return base::Failure{taken.error()};
}

Result<void> Enclave::signal(const Execution& execution, int number) {
    const std::lock_guard guard{*proxy_mutex_};
    return ask_for_execution(abi::execution_word(execution.channel(), number));
}

Result<void> Enclave::stop() {
    return machine_->stop(handle_);
}

Result<void> Enclave::destroy() {
    if (handle_ == 0) return {};
    std::optional<Error> error;
    bool unmapped = true;
    if (machine_->running()) {
        if (!is(abi::EnclaveState::kStopped)) (void)stop();
        const auto destroyed = machine_->control().call(abi::Command::kDestroy, {handle_});
        unmapped = destroyed.ok() || !machine_->running();
        if (!destroyed) error = destroyed.error();
    }
    handle_ = 0;
    proxy_.reset();
    proxy_control_.reset();
    handler_.reset();
    // An area that the enclave may still write to is not given to another.
    if (!unmapped) {
        for (IoLease& lease : io_) lease.abandon();
    }
    io_.clear();
    if (error) return base::Failure{*error};
    return {};
}

// --- Templates -------------------------------------------------------------

Result<bool> Enclave::wait_for_template(std::optional<std::chrono::milliseconds> longest) {
    TRY(wait_for([this] { return is(abi::EnclaveState::kTemplate) || is(abi::EnclaveState::kStopped); },
                 longest));
    return is(abi::EnclaveState::kTemplate);
}

Result<void> Enclave::wait_until_template(std::optional<std::chrono::milliseconds> longest) {
    if (TRY(wait_for_template(longest))) return {};
    return fail("the program ended before it was ready to be a template",
                "it opens /dev/enclavisor/ready when it is, or its manifest says enclave.freeze = \"input\"");
}

Result<void> Enclave::fork_proxy(Enclave& instance, const ProxyOptions& options) {
    auto [ours, theirs] = TRY(socket_pair(SOCK_SEQPACKET));
    ProxyRequest request{ProxyOperation::kFork, 0, instance.io_.at(0).offset(), {}};
    const int standard[] = {options.standard_input, options.standard_output, options.standard_error};
    std::vector<int> fds{machine_->link().fd(), theirs.get()};
    for (int number = 0; number < 3; number++) {
        if (standard[number] < 0) continue;
        request.standard |= 1u << number;
        fds.push_back(standard[number]);
    }
    const std::lock_guard guard{*proxy_mutex_};
    const ProxyReply reply = TRY(ask_proxy(request, fds));
    if (reply.result < 0) return fail(fmt::format("cannot fork the proxy: {}", std::strerror(-reply.result)));
    instance.proxy_ = std::make_unique<Process>(TRY(Process::adopt(reply.result)));
    instance.proxy_control_ = std::move(ours);
    return {};
}

Result<Enclave> Enclave::prepare_instance() {
    std::vector<IoLease> leases;
    leases.push_back(TRY(IoLease::create(*machine_, io_.at(0).bytes().size() / abi::kPageSize)));
    Enclave instance{*machine_, 0, has_runtime_, std::move(leases), measurement_};
    return instance;
}

Result<void> Enclave::begin(Enclave& instance) {
    const auto values =
        TRY(machine_->control().call(abi::Command::kFork, {handle_, instance.io_.at(0).offset()}));
    instance.handle_ = values[0];
    instance.forked_at_ = values[1];
    return {};
}

Result<Enclave> Enclave::fork(const StartParameters& parameters, const ProxyOptions& proxy) {
    auto instance = TRY(prepare_instance());
    StartParameters own = parameters;
    if (proxy_ != nullptr) {
        TRY(fork_proxy(instance, proxy));
        own.pid = instance.proxy_->pid();
    }
    TRY(instance.hand_over(own));
    TRY(begin(instance));
    return instance;
}

Result<Enclave> Enclave::fork(const StartParameters& parameters, IoLoop::Handler handler) {
    auto instance = TRY(prepare_instance());
    TRY(instance.hand_over(parameters));
    instance.attach_handler(std::move(handler));
    TRY(begin(instance));
    return instance;
}

}  // namespace enclavisor::host

#include "host/lib/enclave.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "host/lib/paths.hpp"

namespace enclavisor::host {
namespace {

constexpr std::chrono::milliseconds kLongestSleep{50};

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
    return EnclaveBuilder{machine, values[0]};
}

EnclaveBuilder::EnclaveBuilder(EnclaveBuilder&& other) noexcept
    : machine_{other.machine_}, handle_{std::exchange(other.handle_, 0)}, io_{std::move(other.io_)} {}

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
    Measurement measurement;
    std::memcpy(measurement.data(), values.data(), measurement.size());
    return Enclave{*machine_, std::exchange(handle_, 0), std::move(io_), measurement};
}

// --- Enclave ---------------------------------------------------------------

Result<Enclave> Enclave::build(Machine& machine, const EnclaveImage& image) {
    auto builder = TRY(EnclaveBuilder::create(machine, image.create));
    for (const ImageOperation& operation : image.operations) TRY(builder.add(operation));
    return std::move(builder).seal();
}

Enclave::Enclave(Enclave&& other) noexcept
    : machine_{other.machine_},
      handle_{std::exchange(other.handle_, 0)},
      io_{std::move(other.io_)},
      measurement_{other.measurement_},
      proxy_{std::move(other.proxy_)},
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
    arguments.insert(arguments.end(), options.extra_arguments.begin(), options.extra_arguments.end());
    SpawnOptions spawn;
    spawn.inherit = {link, doorbell};
    spawn.standard_input = options.standard_input;
    spawn.standard_output = options.standard_output;
    spawn.standard_error = options.standard_error;
    spawn.directory = options.directory;
    proxy_ = std::make_unique<Process>(TRY(Process::spawn(arguments, spawn)));
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

std::optional<abi::EnclaveStatus> Enclave::status() const {
    const auto record = copy_in(machine_->link().status(abi::slot_of(handle_)));
    if (handle_ == 0 || record.handle != handle_) return std::nullopt;
    return record;
}

Result<void> Enclave::check_alive() {
    if (!machine_->running()) return base::Failure{machine_->explain("the VM ended")};
    if (machine_->guest_state() == abi::GuestState::kPanicked) {
        return base::Failure{machine_->explain("the kernel panicked")};
    }
    if (proxy_ == nullptr) return {};
    if (const auto ended = proxy_->ended()) {
        return fail(fmt::format("the enclave's proxy {}", describe_wait_status(*ended)),
                    "run the program again");
    }
    return {};
}

Result<abi::EnclaveStatus> Enclave::wait(std::optional<std::chrono::milliseconds> longest) {
    const auto begin = std::chrono::steady_clock::now();
    const auto stopped = [this] {
        const auto record = status();
        return record && record->state == static_cast<std::uint32_t>(abi::EnclaveState::kStopped);
    };
    while (!stopped()) {
        if (machine_->cancelled() != nullptr) {
            if (const int signal = machine_->cancelled()->load())
                return fail("interrupted", "", 128 + signal);
        }
        if (longest && std::chrono::steady_clock::now() - begin > *longest) {
            return fail("the enclave did not end in time", "allow more with --timeout", kExitTimeout);
        }
        const auto alive = check_alive();
        if (!alive && !stopped()) return base::Failure{alive.error()};
        machine_->events().wait(stopped, kLongestSleep);
    }
    // `state` may be seen before the rest of the record; the kernel writes all of
    // it before it answers anything else.
    (void)machine_->control().call(abi::Command::kStats, {});
    if (const auto record = status()) return *record;
    return fail("the status of the enclave was overwritten", "run the program again");
}

Result<void> Enclave::stop() {
    const auto stopped = machine_->control().call(abi::Command::kStop, {handle_});
    const auto record = status();
    if (!stopped && !(record && record->state == static_cast<std::uint32_t>(abi::EnclaveState::kStopped))) {
        return base::Failure{stopped.error()};
    }
    return {};
}

Result<void> Enclave::destroy() {
    if (handle_ == 0) return {};
    std::optional<Error> error;
    bool unmapped = true;
    if (machine_->running()) {
        const auto record = status();
        if (record && record->state == static_cast<std::uint32_t>(abi::EnclaveState::kRunning)) (void)stop();
        const auto destroyed = machine_->control().call(abi::Command::kDestroy, {handle_});
        unmapped = destroyed.ok() || !machine_->running();
        if (!destroyed) error = destroyed.error();
    }
    handle_ = 0;
    proxy_.reset();
    handler_.reset();
    // An area that the enclave may still write to is not given to another.
    if (!unmapped) {
        for (IoLease& lease : io_) lease.abandon();
    }
    io_.clear();
    if (error) return base::Failure{*error};
    return {};
}

}  // namespace enclavisor::host

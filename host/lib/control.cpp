#include "host/lib/control.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

constexpr std::chrono::microseconds kSpin{50};
// A lost doorbell costs this much, no more.
constexpr std::chrono::milliseconds kLongestSleep{50};

}  // namespace

const char* command_name(std::uint32_t command) {
    static constexpr const char* kNames[] = {
        "?",      "hello", "create", "add pages",  "add zero pages", "add thread",
        "seal",   "start", "stop",   "destroy",    "stats",          "fork",
        "notify", "pause", "resume", "set tenant", "seal group"};
    static_assert(std::size(kNames) == abi::kCommandCount);
    return command < std::size(kNames) ? kNames[command] : "?";
}

const char* control_status_text(std::int32_t status) {
    switch (static_cast<abi::ControlStatus>(status)) {
        case abi::ControlStatus::kOk:
            return "ok";
        case abi::ControlStatus::kUnknownCommand:
            return "unknown command";
        case abi::ControlStatus::kBadHandle:
            return "no such enclave";
        case abi::ControlStatus::kBadState:
            return "not possible in the enclave's state";
        case abi::ControlStatus::kBadRange:
            return "address, size or offset outside what is allowed";
        case abi::ControlStatus::kBadPermissions:
            return "permissions that no page may have";
        case abi::ControlStatus::kOverlap:
            return "pages overlap";
        case abi::ControlStatus::kNoMemory:
            return "the VM has no memory left";
        case abi::ControlStatus::kMemoryLimit:
            return "the enclave's memory limit is too small";
        case abi::ControlStatus::kNoSlot:
            return "the VM has no room for another enclave";
        case abi::ControlStatus::kTenantLimit:
            return "the tenant's limit";
        case abi::ControlStatus::kInUse:
            return "the template has live instances";
    }
    return "a status that does not exist";
}

void ControlClient::ring_guest() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(guest_doorbell_, &one, sizeof(one));
}

Error ControlClient::silent(const char* command) const {
    const std::string what = fmt::format("the VM does not answer to '{}'", command);
    return explain_ ? explain_(what) : Error{what, "", kExitFailure};
}

Result<abi::ControlCompletion> ControlClient::exchange(abi::ControlCommand command) {
    abi::ControlRing& ring = link_.control();
    const std::uint32_t index = submitted_;
    command.id = next_id_++;
    std::memcpy(&ring.commands[index % abi::kControlDepth], &command, sizeof(command));
    submitted_ = index + 1;
    store(ring.submitted, submitted_);
    full_fence();
    if (load(link_.header().guest_waits) != 0) ring_guest();

    const auto begin = Clock::now();
    const auto done = [&] { return load(ring.completed) == submitted_; };
    while (!done()) {
        const auto elapsed = Clock::now() - begin;
        if (elapsed < kSpin) {
            __builtin_ia32_pause();
            continue;
        }
        if (elapsed > timeout_ || events_.vm_ended())
            return base::Failure{silent(command_name(command.command))};
        events_.wait([&] { return done() || events_.vm_ended(); }, kLongestSleep);
    }
    const auto completion = copy_in(ring.completions[index % abi::kControlDepth]);
    if (completion.id != command.id) {
        return fail(fmt::format("the VM answered '{}' with nonsense", command_name(command.command)),
                    "its shared memory was overwritten; start again");
    }
    return completion;
}

Result<abi::ControlCompletion> ControlClient::submit(abi::ControlCommand command) {
    std::lock_guard guard{mutex_};
    return exchange(command);
}

Result<abi::ControlCompletion> ControlClient::submit(abi::ControlCommand command,
                                                     std::span<const std::byte> data) {
    std::lock_guard guard{mutex_};
    const auto area = link_.control_data();
    if (data.size() > area.size()) return fail("more data than the control area holds");
    std::memcpy(area.data(), data.data(), data.size());
    return exchange(command);
}

Result<ControlValues> ControlClient::call(abi::Command command,
                                          std::initializer_list<std::uint64_t> arguments,
                                          std::span<const std::byte> data) {
    abi::ControlCommand entry{};
    entry.command = static_cast<std::uint32_t>(command);
    std::copy_n(arguments.begin(), std::min<std::size_t>(arguments.size(), 7), entry.arguments);
    const auto completion = data.empty() ? TRY(submit(entry)) : TRY(submit(entry, data));
    if (completion.status != 0) {
        const char* name = command_name(entry.command);
        const auto status = static_cast<abi::ControlStatus>(completion.status);
        std::string cure;
        if (status == abi::ControlStatus::kNoMemory) cure = "give the VM more with --memory";
        if (status == abi::ControlStatus::kMemoryLimit) cure = "raise --limit or enclave.memory_limit";
        return fail(fmt::format("'{}' refused: {}", name, control_status_text(completion.status)), cure);
    }
    ControlValues values;
    std::copy_n(completion.values, values.size(), values.begin());
    return values;
}

}  // namespace enclavisor::host

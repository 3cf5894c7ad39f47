#include "host/lib/control.hpp"

#include <fmt/format.h>

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
        "?",      "hello",      "create",     "add pages", "add zero pages", "add thread", "seal",
        "start",  "stop",       "destroy",    "stats",     "fork",           "notify",     "pause",
        "resume", "set tenant", "seal group", "interrupt", "report",         "vm report"};
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
        case abi::ControlStatus::kUnsupported:
            return "not on this platform";
        case abi::ControlStatus::kRefused:
            return "the attestation enclave got no report that it believes";
    }
    return "a status that does not exist";
}

void ControlClient::ring_guest() const {
    ring(guest_doorbell_);
}

Error ControlClient::silent(std::uint32_t command) const {
    const std::string what = fmt::format("the VM does not answer to '{}'", command_name(command));
    return explain_ ? explain_(what) : Error{what, "", kExitFailure};
}

// Completions come in the order of submission.
void ControlClient::collect() {
    abi::ControlRing& ring = link_.control();
    const Index completed = load(ring.completed);
    if (completed - collected_ > submitted_ - collected_) return;  // nonsense is no progress
    for (; collected_ != completed; collected_++) {
        Place& place = places_[collected_ % abi::kControlDepth];
        place.completion = base::copy_from_shared(ring.completions[collected_ % abi::kControlDepth]);
        place.completed = true;
        if (!place.wanted) place.used = false;
    }
}

std::optional<ControlClient::Index> ControlClient::try_begin(abi::ControlCommand& command, bool wanted) {
    abi::ControlRing& ring = link_.control();
    std::lock_guard guard{mutex_};
    const Index index = submitted_;
    Place& place = places_[index % abi::kControlDepth];
    if (place.used) collect();
    if (place.used) return std::nullopt;
    command.id = next_id_++;
    place = {true, wanted, false, command.id, {}};
    std::memcpy(&ring.commands[index % abi::kControlDepth], &command, sizeof(command));
    submitted_ = index + 1;
    store(ring.submitted, submitted_);
    full_fence();
    if (load(link_.header().guest_waits) != 0) ring_guest();
    return index;
}

template <typename Ready>
bool ControlClient::wait_until(Ready ready) {
    const auto begin = Clock::now();
    while (!ready()) {
        const auto elapsed = Clock::now() - begin;
        if (elapsed < kSpin) {
            __builtin_ia32_pause();
            continue;
        }
        if (elapsed > timeout_ || events_.vm_ended()) return false;
        // QEMU's TCG leaves out the fences of a VM with one vCPU: the guest may have gone to
        // sleep without having seen what we saw it not to wait for. Ring once more.
        if (!ready() && load(link_.header().guest_waits) != 0) ring_guest();
        events_.wait([&] { return ready() || events_.vm_ended(); }, kLongestSleep);
    }
    return true;
}

Result<ControlClient::Index> ControlClient::begin(abi::ControlCommand& command, bool wanted) {
    std::optional<Index> index;
    const auto begun = [&] {
        if (!index) index = try_begin(command, wanted);
        return index.has_value();
    };
    if (!wait_until(begun)) return base::Failure{silent(command.command)};
    return *index;
}

bool ControlClient::is_complete(Index index) {
    std::lock_guard guard{mutex_};
    collect();
    return places_[index % abi::kControlDepth].completed;
}

Result<abi::ControlCompletion> ControlClient::finish(Index index, std::uint32_t command) {
    const bool complete = wait_until([&] { return is_complete(index); });
    std::lock_guard guard{mutex_};
    Place& place = places_[index % abi::kControlDepth];
    if (!complete && !place.completed) {
        place.wanted = false;  // free when it comes after all
        return base::Failure{silent(command)};
    }
    place.used = false;
    if (place.completion.id != place.id) {
        return fail(fmt::format("the VM answered '{}' with nonsense", command_name(command)),
                    "its shared memory was overwritten; start again");
    }
    return place.completion;
}

Result<abi::ControlCompletion> ControlClient::submit(abi::ControlCommand command) {
    const Index index = TRY(begin(command, true));
    return finish(index, command.command);
}

Result<abi::ControlCompletion> ControlClient::submit(abi::ControlCommand command,
                                                     std::span<const std::byte> data,
                                                     std::span<std::byte> reply) {
    std::lock_guard guard{data_mutex_};
    const auto area = link_.control_data();
    if (std::max(data.size(), reply.size()) > area.size())
        return fail("more data than the control area holds");
    std::memcpy(area.data(), data.data(), data.size());
    auto completion = submit(command);
    if (completion) std::memcpy(reply.data(), area.data(), reply.size());
    return completion;
}

Result<std::vector<abi::ControlCompletion>> ControlClient::submit_all(
    std::span<const abi::ControlCommand> commands) {
    std::vector<abi::ControlCompletion> completions;
    completions.reserve(commands.size());
    std::vector<Index> indices;
    std::optional<Error> error;
    const auto take_oldest = [&] {
        const std::size_t i = completions.size();
        auto completion = finish(indices[i], commands[i].command);
        if (!completion && !error) error = completion.error();
        completions.push_back(completion ? *completion : abi::ControlCompletion{});
    };
    for (abi::ControlCommand command : commands) {
        // Who waits for a place holds none: two batches never wait for each other.
        auto index = try_begin(command, true);
        while (!index && completions.size() < indices.size()) {
            take_oldest();
            index = try_begin(command, true);
        }
        if (!index && !error) {
            auto begun = begin(command, true);
            if (begun) index = *begun;
            if (!begun) error = begun.error();
        }
        if (error) break;
        indices.push_back(*index);
    }
    while (completions.size() < indices.size()) take_oldest();
    if (error) return base::Failure{*error};
    return completions;
}

Result<void> ControlClient::post(abi::Command command, std::initializer_list<std::uint64_t> arguments) {
    auto entry = control_command(command, arguments);
    TRY(begin(entry, false));
    return {};
}

abi::ControlCommand control_command(abi::Command command, std::initializer_list<std::uint64_t> arguments) {
    abi::ControlCommand entry{};
    entry.command = static_cast<std::uint32_t>(command);
    std::copy_n(arguments.begin(), std::min<std::size_t>(arguments.size(), 7), entry.arguments);
    return entry;
}

Result<ControlValues> control_values(std::uint32_t command, const abi::ControlCompletion& completion) {
    if (completion.status != 0) {
        const auto status = static_cast<abi::ControlStatus>(completion.status);
        std::string cure;
        if (status == abi::ControlStatus::kNoMemory) cure = "give the VM more with --memory";
        if (status == abi::ControlStatus::kMemoryLimit) cure = "raise --limit or enclave.memory_limit";
        return fail(
            fmt::format("'{}' refused: {}", command_name(command), control_status_text(completion.status)),
            cure);
    }
    ControlValues values;
    std::copy_n(completion.values, values.size(), values.begin());
    return values;
}

Result<ControlValues> ControlClient::call(abi::Command command,
                                          std::initializer_list<std::uint64_t> arguments,
                                          std::span<const std::byte> data) {
    const auto entry = control_command(command, arguments);
    return control_values(entry.command, data.empty() ? TRY(submit(entry)) : TRY(submit(entry, data)));
}

}  // namespace enclavisor::host

// Client of the control ring (abi/host/control.hpp).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include "abi/host/control.hpp"
#include "host/lib/error.hpp"
#include "host/lib/events.hpp"
#include "host/lib/link.hpp"

namespace enclavisor::host {

// What a command may need: its seven values, after status kOk.
using ControlValues = std::array<std::uint64_t, 7>;

const char* command_name(std::uint32_t command);
const char* control_status_text(std::int32_t status);

// Thread-safe; one command is under way at a time.
class ControlClient {
public:
    using Clock = std::chrono::steady_clock;

    ControlClient(Link& link, Events& events, int guest_doorbell)
        : link_{link}, events_{events}, guest_doorbell_{guest_doorbell} {}

    // Issues `command` as it stands (`id` is filled in) and waits for its
    // completion. Fails only if the VM does not answer or answers nonsense.
    Result<abi::ControlCompletion> submit(abi::ControlCommand command);

    // The same with `data` in the control data area (at offset 0).
    Result<abi::ControlCompletion> submit(abi::ControlCommand command, std::span<const std::byte> data);

    // Issues a command that is expected to succeed.
    Result<ControlValues> call(abi::Command command, std::initializer_list<std::uint64_t> arguments,
                               std::span<const std::byte> data = {});

    void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
    // Says why the VM is silent (its last line); part of error messages.
    void set_explainer(std::function<Error(const std::string& what)> explain) {
        explain_ = std::move(explain);
    }

    void ring_guest() const;

private:
    Result<abi::ControlCompletion> exchange(abi::ControlCommand command);
    Error silent(const char* command) const;

    Link& link_;
    Events& events_;
    int guest_doorbell_;
    std::chrono::milliseconds timeout_{30'000};
    std::function<Error(const std::string&)> explain_;
    std::mutex mutex_;
    std::uint32_t submitted_ = 0;  // our own index; the ring's copy is only written
    std::uint32_t next_id_ = 1;
};

}  // namespace enclavisor::host

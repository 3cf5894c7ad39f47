// Client of the control ring (abi/host/control.hpp).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "abi/host/control.hpp"
#include "host/lib/error.hpp"
#include "host/lib/events.hpp"
#include "host/lib/link.hpp"

namespace enclavisor::host {

// What a command may need: its seven values, after status kOk.
using ControlValues = std::array<std::uint64_t, 7>;

const char* command_name(std::uint32_t command);
const char* control_status_text(std::int32_t status);

// Thread-safe. Up to abi::kControlDepth commands are under way at a time, of which
// one uses the control data area.
class ControlClient {
public:
    using Clock = std::chrono::steady_clock;

    ControlClient(Link& link, Events& events, int guest_doorbell)
        : link_{link}, events_{events}, guest_doorbell_{guest_doorbell} {}

    // Issues `command` as it stands (`id` is filled in) and waits for its
    // completion. Fails only if the VM does not answer or answers nonsense.
    Result<abi::ControlCompletion> submit(abi::ControlCommand command);

    // The same with `data` in the control data area (at offset 0); `reply` is what is there then.
    Result<abi::ControlCompletion> submit(abi::ControlCommand command, std::span<const std::byte> data,
                                          std::span<std::byte> reply = {});

    // Many commands, as many under way at once as the ring holds. One completion
    // each, in their order; the kernel executes them in that order too.
    Result<std::vector<abi::ControlCompletion>> submit_all(std::span<const abi::ControlCommand> commands);

    // Issues a command whose completion nobody wants.
    Result<void> post(abi::Command command, std::initializer_list<std::uint64_t> arguments);

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
    // A place in the ring, from a command's submission until its completion was taken.
    struct Place {
        bool used = false;
        bool wanted = false;  // somebody will take the completion
        bool completed = false;
        std::uint32_t id = 0;
        abi::ControlCompletion completion{};
    };
    using Index = std::uint32_t;

    std::optional<Index> try_begin(abi::ControlCommand& command, bool wanted);
    Result<Index> begin(abi::ControlCommand& command, bool wanted);
    Result<abi::ControlCompletion> finish(Index index, std::uint32_t command);
    template <typename Ready>
    bool wait_until(Ready ready);  // false: the VM is silent
    void collect();                // with mutex_ held
    bool is_complete(Index index);
    Error silent(std::uint32_t command) const;

    Link& link_;
    Events& events_;
    int guest_doorbell_;
    std::chrono::milliseconds timeout_{30'000};
    std::function<Error(const std::string&)> explain_;
    std::mutex data_mutex_;  // the control data area
    std::mutex mutex_;       // the rest
    std::array<Place, abi::kControlDepth> places_{};
    Index submitted_ = 0;  // our own indices; the ring's copies are only written, or looked at
    Index collected_ = 0;
    std::uint32_t next_id_ = 1;
};

// What a command needs: the number and up to seven arguments.
abi::ControlCommand control_command(abi::Command command, std::initializer_list<std::uint64_t> arguments);
// The values of a completion, or why it was refused.
Result<ControlValues> control_values(std::uint32_t command, const abi::ControlCompletion& completion);

}  // namespace enclavisor::host

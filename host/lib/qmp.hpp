// QEMU's monitor (QMP) over a socket: one command at a time, each with its answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

class Qmp {
public:
    // Takes QEMU's greeting and begins. No answer may take longer than `patience`.
    static Result<Qmp> connect(Fd socket, std::chrono::milliseconds patience);

    // What QEMU returns. An error if it refuses, is gone, or says what is no answer.
    Result<nlohmann::json> execute(const std::string& command, nlohmann::json arguments = nullptr);

private:
    Qmp(Fd socket, std::chrono::milliseconds patience) : socket_{std::move(socket)}, patience_{patience} {}
    using Deadline = std::chrono::steady_clock::time_point;
    Deadline deadline() const { return std::chrono::steady_clock::now() + patience_; }
    Result<nlohmann::json> receive(Deadline deadline);

    Fd socket_;
    std::chrono::milliseconds patience_;
    std::string received_;  // not yet a whole line
    std::uint64_t last_id_ = 0;
};

}  // namespace enclavisor::host

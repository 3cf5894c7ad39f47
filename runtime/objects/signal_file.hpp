// signalfd: the signals that wait for the thread that asks, or for the process.
#pragma once

#include "runtime/objects/object_file.hpp"

namespace enclavisor::runtime {

class SignalFile final : public AnonymousFile {
public:
    SignalFile(int flags, std::uint64_t set) : AnonymousFile{flags, "signalfd"}, set_{set} {}
    void set(std::uint64_t signals);

    short readiness() override;
    // All of them hear of every signal.
    WaitQueue* queue() override;
    SignalFile* signal_file() override { return this; }

protected:
    std::int64_t take(const Buffers& to) override;

private:
    std::uint64_t set_;
};

}  // namespace enclavisor::runtime

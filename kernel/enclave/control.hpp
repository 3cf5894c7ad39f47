// Commands from the host (abi/host/control.hpp), one after another.
#pragma once

#include <cstdint>

#include "abi/evidence/measurement.hpp"
#include "abi/host/control.hpp"

namespace enclavisor::kernel {

struct Kernel;
struct Enclave;

class Control {
public:
    // Takes and carries out commands until there is none, or one has to wait
    // for the attestation enclave or for memory to come back, or a round of the
    // ring is used up: a host that claims endless commands cannot keep enclaves
    // from running. refill() grants the next round.
    void poll(Kernel& kernel);
    void refill() { credit_ = abi::kControlDepth; }
    // Commands are left because the round is used up.
    bool has_backlog() const { return credit_ == 0; }
    // Whether poll() has anything to do.
    bool has_work() const;
    // The attestation enclave answered.
    void answered(Kernel& kernel, const abi::AttestRequest& reply);

private:
    struct Outcome {
        abi::ControlStatus status;
        bool pending = false;  // complete() comes later
        std::uint64_t values[7] = {};
    };

    Outcome execute(Kernel& kernel, const abi::ControlCommand& command);
    Outcome hello(Kernel& kernel);
    Outcome create(Kernel& kernel, const std::uint64_t* arguments);
    Outcome add_pages(Kernel& kernel, const std::uint64_t* arguments);
    Outcome add_zero_pages(Kernel& kernel, const std::uint64_t* arguments);
    Outcome add_thread(Kernel& kernel, const std::uint64_t* arguments);
    Outcome seal(Kernel& kernel, Enclave& enclave);
    Outcome start(Kernel& kernel, Enclave& enclave);
    Outcome stop(Kernel& kernel, Enclave& enclave);
    Outcome destroy(Kernel& kernel, Enclave& enclave);
    Outcome stats(Kernel& kernel);
    Outcome set_tenant(Kernel& kernel, const std::uint64_t* arguments);
    Outcome fork(Kernel& kernel, Enclave& origin, std::uint64_t io_offset);
    Outcome pause(Kernel& kernel, Enclave& enclave, bool paused);
    Outcome report(Enclave& enclave);
    Outcome interrupt(Kernel& kernel, Enclave& enclave);
    Outcome vm_report(Kernel& kernel, std::uint64_t offset);
    void finish_report(Kernel& kernel, const abi::AttestRequest& reply);
    Outcome seal_group(Kernel& kernel, const std::uint64_t* handles);
    void hash_group(Kernel& kernel);
    void finish_group(Kernel& kernel, const std::uint8_t* digest);
    void complete(Kernel& kernel, const Outcome& outcome);

    std::uint32_t taken_ = 0;  // commands taken; equals completed_ or is one ahead
    std::uint32_t completed_ = 0;
    std::uint32_t credit_ = abi::kControlDepth;
    std::uint32_t current_id_ = 0;
    Outcome answer_ = {};         // of the pending command
    Enclave* subject_ = nullptr;  // of the pending command
    bool destroying_ = false;     // the pending command is kDestroy
    bool sealing_ = false;        // ... kSeal
    void* report_ = nullptr;      // ... kVmReport: where in the control data; null: another command
    // ... kSealGroup: its members, who are sealed and not started, and how many of
    // them were hashed; no members: it is another command.
    Enclave* members_[abi::kMaxGroupMembers] = {};
    std::uint64_t member_count_ = 0, members_hashed_ = 0;
    std::uint32_t group_place_ = 0;
    std::uint64_t last_group_ = 0;
};

}  // namespace enclavisor::kernel

// One secure VM: QEMU, the link, the control client.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/carrier.hpp"
#include "host/lib/control.hpp"
#include "host/lib/error.hpp"
#include "host/lib/events.hpp"
#include "host/lib/ivshmem.hpp"
#include "host/lib/link.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"
#include "host/lib/serial_log.hpp"
#include "host/lib/sev_guest.hpp"

namespace enclavisor::host {

struct QemuSpec;

struct MachineOptions {
    Platform platform = Platform::kPlain;
    std::uint64_t memory_mib = 512;
    unsigned cpus = 1;
    std::string accelerator;    // "", "auto", "kvm", "tcg"
    std::string cpu;            // QEMU -cpu; empty: default
    bool icount = false;        // guest clock = executed instructions (TCG)
    SevOptions sev;             // of a guest of AMD's hardware
    std::filesystem::path rom;  // empty: the installed one
    std::filesystem::path qemu;
    std::vector<std::string> extra_arguments;    // for QEMU, last
    std::vector<std::string> carrier_arguments;  // tests: for enclavisor-sim-vmm, last
    std::uint64_t link_size = abi::kLinkDefaultSize;
    bool expose_memory = false;  // tests: map the guest's memory here too
    std::chrono::milliseconds boot_timeout{20'000};
    SerialLog::Listener on_log_line;              // called from another thread
    const std::atomic<int>* cancelled = nullptr;  // nonzero: give up waiting
    // false: return as soon as QEMU runs (for ROMs that are not our kernel).
    bool wait_for_kernel = true;
};

// What --memory says of a VM, in MiB.
Result<std::uint64_t> parse_machine_memory(const std::string& text);

struct MachineInfo {  // answer to kHello
    std::uint64_t version, platform, total_frames, free_frames, cpus;
};
struct MachineStats {  // answer to kStats
    std::uint64_t free_frames, total_frames, live_enclaves, ignored_interrupts;
    std::uint64_t idle_ticks;  // TSC ticks, summed over the vCPUs
    std::uint64_t tsc;         // when the kernel answered
};

class Machine {
public:
    static Result<std::unique_ptr<Machine>> launch(const MachineOptions& options);
    ~Machine();  // kills QEMU
    Machine(const Machine&) = delete;

    Link& link() { return link_; }
    IoPool& io_pool() { return pool_; }
    ControlClient& control() { return *control_; }
    Events& events() { return *events_; }
    int guest_doorbell() const { return ivshmem_.guest_doorbell.get(); }

    Result<MachineInfo> hello();
    Result<MachineStats> stats();
    bool running() const { return !events_->vm_ended(); }
    abi::GuestState guest_state();
    // Fails when waiting is in vain: the VM or its kernel ended, or `cancelled` was set.
    Result<void> check_alive();

    // An enclave's newest status record, unless it is another's (or garbage).
    std::optional<abi::EnclaveStatus> status(std::uint64_t handle) const;
    bool is(std::uint64_t handle, abi::EnclaveState state) const;
    // The record of an enclave that was seen to have ended.
    std::optional<abi::EnclaveStatus> last_status(std::uint64_t handle);
    // No error if it has ended already.
    Result<void> stop(std::uint64_t handle);

    const std::vector<std::string>& command_line() const { return command_line_; }
    // The guest of AMD's hardware that this is; null: another platform.
    const SevGuest* sev_guest() const { return sev_ ? &*sev_ : nullptr; }
    std::chrono::microseconds boot_time() const { return boot_time_; }
    std::string log() const { return log_.text(); }

    // With expose_memory: all of the guest's RAM; sim-sev's private memory.
    std::span<std::byte> shared_memory() const { return shared_memory_.bytes(); }
    std::span<std::byte> private_memory() const { return private_memory_.bytes(); }

    // An error that says what the VM last said.
    Error explain(const std::string& what);

private:
    Machine(Link link, const MachineOptions& options)
        : link_{std::move(link)}, pool_{options.link_size}, log_{options.on_log_line} {}
    Result<void> start_qemu(const MachineOptions& options);
    // The files of the guest's memory, where others than QEMU have to see it.
    Result<void> make_memory(const MachineOptions& options, QemuSpec& spec);
    Result<void> launch_simulation(const MachineOptions& options, QemuSpec& spec, int standard_error);
    Result<void> launch_sev(const MachineOptions& options);
    Result<void> wait_until_ready(const MachineOptions& options);
    Result<void> check_interrupted() const;

    Link link_;
    IoPool pool_;
    SerialLog log_;
    IvshmemEnds ivshmem_;
    Fd serial_, standard_error_, monitor_, shared_memory_fd_, private_memory_fd_;
    std::optional<SevGuest> sev_;
    Mapping shared_memory_, private_memory_;
    std::vector<std::string> command_line_;
    Carrier carrier_;
    std::unique_ptr<Process> qemu_;
    std::unique_ptr<Events> events_;
    std::unique_ptr<ControlClient> control_;
    std::chrono::microseconds boot_time_{0};
    const std::atomic<int>* cancelled_ = nullptr;
};

}  // namespace enclavisor::host

// The commands behind `enclavisor`. Each returns the exit status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/sev_options.hpp"

namespace enclavisor::host {

inline const std::vector<std::string> kPlatformNames{"auto",    "plain", "sim-sev", "sim-sev-es",
                                                     "sim-snp", "sev",   "sev-es",  "sev-snp"};
inline const std::vector<std::string> kLaunchPlatformNames{"sev", "sev-es", "sev-snp"};
inline const std::vector<std::string> kAcceleratorNames{"auto", "kvm", "tcg"};

struct RunOptions {
    std::string program;  // or manifest
    std::vector<std::string> arguments;
    std::string platform = "plain";
    SevOptions sev;
    std::string memory;  // of the VM; empty: enough for the enclave
    std::string limit;   // of the enclave; empty: default
    std::string accelerator;
    std::vector<std::string> environment;  // NAME=value, or NAME to hand the caller's on
    double timeout = 0;                    // seconds; 0: none
    unsigned instances = 1;                // of a program that becomes a template
    bool print_measurement = false;
    bool verbose = false;
    bool quiet = false;
    std::string vm;           // whose daemon runs it; empty: a VM of its own
    bool detach = false;      // with `vm`: do not stay with it
    bool allow_exec = false;  // with `vm`, of a bare program: the host may start others in its enclave
};

Result<int> run_command(const RunOptions& options);

struct MeasureOptions {
    std::string target;  // program, manifest or package; with `platform`: none
    std::string limit;
    bool allow_exec = false;
    bool json = false;

    std::string platform;  // whose launch digest; empty: measure an enclave
    std::string firmware;  // empty: the kernel's ROM for that platform
    unsigned vcpus = 1;
    std::string cpu_model;
    std::optional<std::uint64_t> sev_features;
    std::string require;  // as given to run
    bool legacy_vm_type = false;
    std::string id_block;  // file to write
    std::optional<std::uint64_t> policy;
    std::optional<std::uint32_t> guest_svn;
};
Result<int> measure_command(const MeasureOptions& options);
Result<int> doctor_command();

// --- Manifests and packages ---------------------------------------------------

struct ToolOptions {
    std::string target;  // manifest, package or program
    std::string other;   // what diff compares with
    std::string output;  // file to write
    bool json = false;
};
Result<int> build_command(const ToolOptions& options);
// 0: nothing to say, 1: warnings, 2: errors.
Result<int> check_command(const ToolOptions& options);
Result<int> inspect_command(const ToolOptions& options);
// 0: the same, 1: not.
Result<int> diff_command(const ToolOptions& options);

struct TraceOptions {
    std::vector<std::string> program;  // with its arguments
    std::string output;                // empty: the program's name
    bool quiet = false;
};
// The program's own exit status.
Result<int> trace_command(const TraceOptions& options);

// --- VMs that have a daemon --------------------------------------------------

struct VmOptions {
    std::string name;  // of the VM
    std::string platform = "plain", memory = "1G", accelerator;
    SevOptions sev;
    unsigned cpus = 1;
    std::string metrics, log_limit, log_file, log_format;  // enclavisord's; empty: its defaults
    std::string data, output;                              // report: its REPORT_DATA in hexadecimal; FILE
    bool json = false;
};
Result<int> vm_start(const VmOptions& options);
Result<int> vm_list(const VmOptions& options);
Result<int> vm_stop(const VmOptions& options);
Result<int> vm_console(const VmOptions& options);
Result<int> vm_report(const VmOptions& options);

struct ResidentOptions {
    std::string vm;
    std::uint64_t id = 0;
    bool json = false;
    bool force = false;           // rm: end it first
    bool follow = false;          // logs: until it has ended
    std::string signal = "TERM";  // kill: which
};
Result<int> ps_command(const ResidentOptions& options);
Result<int> stats_command(const ResidentOptions& options);
Result<int> top_command(const ResidentOptions& options);
Result<int> wait_command(const ResidentOptions& options);
Result<int> logs_command(const ResidentOptions& options);
// The exit status of `program`, which runs in the enclave.
Result<int> exec_command(const ResidentOptions& options, const std::vector<std::string>& program);
// kill, pause, resume, rm.
Result<int> act_command(const std::string& action, const ResidentOptions& options);

// Writes to standard output; an error if it cannot take the text.
Result<void> print(const std::string& text);
// Writes "enclavisor: TEXT" to standard error.
void complain(const std::string& text);

}  // namespace enclavisor::host

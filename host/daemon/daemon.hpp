// Owns one VM and serves clients: the host applications of many enclaves.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/daemon/ledger.hpp"
#include "host/daemon/metrics.hpp"
#include "host/daemon/output_log.hpp"
#include "host/daemon/place.hpp"
#include "host/daemon/resident.hpp"
#include "host/daemon/wire.hpp"

namespace enclavisor::host {

struct DaemonOptions {
    MachineOptions machine;
    std::string version;                         // its own
    std::uint64_t log_limit = kDefaultLogLimit;  // of each enclave's log; 0: none
    std::string metrics;                         // where to show them; empty: nowhere
};

class Daemon {
public:
    // Boots the VM of `place`, whose lock the caller holds.
    static Result<std::unique_ptr<Daemon>> begin(VmPlace place, const DaemonOptions& options, EventLog log);
    ~Daemon();  // ends all enclaves, then the VM

    // Answers clients until a client or `stop` wants the end, or the VM dies: an error.
    Result<void> serve(const std::atomic<int>& stop);

private:
    Daemon(VmPlace place, const DaemonOptions& options, EventLog log, std::unique_ptr<Machine> machine,
           Fd listener);

    void converse(Fd client);
    // The answer to a request that is answered at once.
    Result<Json> answer(const Json& request);
    void run(int client, Message message);
    void wait(int client, const Json& request);
    // Another program in an enclave; ends with its client.
    void execute(int client, Message message);
    // Until it has ended; its exit status.
    Result<int> attend(int client, Resident& resident, const Execution& execution);

    Result<std::shared_ptr<Resident>> find(const Json& request);
    std::vector<std::shared_ptr<Resident>> all();
    std::shared_ptr<Resident> add(RunRequest request, std::uint64_t id);
    Result<Json> remove(const Json& request);
    Result<Json> stats();
    std::string metrics();
    // Where the output of an enclave goes that nobody stays with.
    Result<void> detach(RunRequest& request, std::uint64_t id);
    void trim_logs();
    bool ending() const { return ending_.load() || !machine_->running(); }

    const VmPlace place_;
    const DaemonOptions options_;
    Ledger ledger_;
    const std::unique_ptr<Machine> machine_;
    const Fd listener_;
    std::atomic<bool> ending_{false};
    std::mutex mutex_;  // the rest
    std::condition_variable quiet_;
    unsigned conversations_ = 0;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::shared_ptr<Resident>> residents_;
    std::map<std::uint64_t, OutputLog> logs_;
    std::unique_ptr<MetricsServer> metrics_server_;
};

}  // namespace enclavisor::host

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

#include "host/daemon/place.hpp"
#include "host/daemon/resident.hpp"
#include "host/daemon/wire.hpp"

namespace enclavisor::host {

class Daemon {
public:
    // Boots the VM of `place`, whose lock the caller holds.
    static Result<std::unique_ptr<Daemon>> begin(VmPlace place, const MachineOptions& options);
    ~Daemon();  // ends all enclaves, then the VM

    // Answers clients until a client or `stop` wants the end, or the VM dies: an error.
    Result<void> serve(const std::atomic<int>& stop);

private:
    Daemon(VmPlace place, Platform platform, std::unique_ptr<Machine> machine, Fd listener);

    void converse(Fd client);
    // The answer to a request that is answered at once.
    Result<Json> answer(const Json& request);
    void run(int client, Message message);
    void wait(int client, const Json& request);

    Result<std::shared_ptr<Resident>> find(const Json& request);
    std::vector<std::shared_ptr<Resident>> all();
    std::shared_ptr<Resident> add(RunRequest request, std::uint64_t id);
    Result<Json> remove(const Json& request);
    Result<Json> stats();
    bool ending() const { return ending_.load() || !machine_->running(); }

    const VmPlace place_;
    const Platform platform_;
    const std::unique_ptr<Machine> machine_;
    const Fd listener_;
    std::atomic<bool> ending_{false};
    std::mutex mutex_;  // the rest
    std::condition_variable quiet_;
    unsigned conversations_ = 0;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::shared_ptr<Resident>> residents_;
};

}  // namespace enclavisor::host

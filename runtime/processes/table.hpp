// All processes, and those that ended and were not waited for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace enclavisor::runtime {

struct Process;

class Processes {
public:
    Processes();
    ~Processes();

    Process& add(std::unique_ptr<Process> process);
    void remove(Process& process);
    // In an instance of the enclave.
    void rename(Process& process, std::uint32_t pid);

    Process* find(std::uint32_t pid) const;  // null: none
    // Those that have not ended.
    std::uint32_t living() const { return living_; }
    void ended() { living_--; }

    // Until `visit` returns true; whether it did. `visit` removes none.
    template <typename Visit>
    bool for_each(Visit visit) const {
        for (const auto& process : all_) {
            if (visit(*process)) return true;
        }
        return false;
    }
    bool has_group(std::uint32_t group) const;
    // ... that belongs to the session.
    bool has_group(std::uint32_t group, std::uint32_t session) const;

private:
    std::vector<std::unique_ptr<Process>> all_;
    std::uint32_t living_ = 0;
};

}  // namespace enclavisor::runtime

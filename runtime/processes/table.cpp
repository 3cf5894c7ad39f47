#include "runtime/processes/table.hpp"

#include <algorithm>

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

Processes::Processes() = default;
Processes::~Processes() = default;

Process& Processes::add(std::unique_ptr<Process> process) {
    living_++;
    all_.push_back(std::move(process));
    return *all_.back();
}

void Processes::remove(Process& process) {
    std::erase_if(all_, [&](const auto& each) { return each.get() == &process; });
}

Process* Processes::find(std::uint32_t pid) const {
    const auto found =
        std::find_if(all_.begin(), all_.end(), [&](const auto& process) { return process->pid == pid; });
    return found == all_.end() ? nullptr : found->get();
}

void Processes::rename(Process& process, std::uint32_t pid) {
    const std::uint32_t before = process.pid;
    if (process.group == before) process.group = pid;
    if (process.session == before) process.session = pid;
    process.pid = pid;
    if (Terminal* terminal = process.terminal.get()) {
        if (terminal->session == before) terminal->session = pid;
        if (terminal->foreground == before) terminal->foreground = pid;
    }
}

bool Processes::has_group(std::uint32_t group) const {
    return for_each([&](const Process& process) { return process.group == group; });
}

bool Processes::has_group(std::uint32_t group, std::uint32_t session) const {
    return for_each(
        [&](const Process& process) { return process.group == group && process.session == session; });
}

}  // namespace enclavisor::runtime

// enclavisor-sim-psp as a process of its own, for tests.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "host/lib/fd.hpp"
#include "host/lib/process.hpp"
#include "sim/processor.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::sim {

class TestPsp {
public:
    // Throws if it does not start.
    TestPsp() {
        int ready[2];
        if (::pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
        const host::Fd reader{ready[0]};
        host::Fd writer{ready[1]};
        host::SpawnOptions spawn;
        spawn.inherit = {writer.get()};
        auto started = host::Process::spawn({ENCLAVISOR_SIM_PSP, "--socket", socket(), "--memory", "4096T",
                                             "--ready-fd", std::to_string(writer.get())},
                                            spawn);
        if (!started.ok()) throw std::runtime_error{started.error().text()};
        process_.emplace(std::move(started.value()));
        writer.reset();
        char line[6];
        if (::read(reader.get(), line, sizeof(line)) != sizeof(line))
            throw std::runtime_error{"enclavisor-sim-psp does not start"};
    }

    std::string socket() const { return folder_ / "psp"; }
    // For enclavisor-sim-vmm.
    std::vector<std::string> carrier_arguments() const { return {"--psp", socket()}; }
    host::Result<Processor> connect() const { return Processor::connect(socket()); }
    void kill() { process_->kill(); }

private:
    tests::TempDir folder_;
    std::optional<host::Process> process_;
};

}  // namespace enclavisor::sim

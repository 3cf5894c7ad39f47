// Forking templates: guest instructions and frames, of tests/programs/probe.
#pragma once

#include <cstdint>
#include <vector>

#include "host/lib/machine.hpp"

namespace enclavisor::bench {

struct TemplateFigures {
    double first_instruction;  // from taking the command to the instance's first instruction
    double whole_life;         // fork, one call that writes a page of the heap, end, all frames back
    double copy_on_write;      // a page of the heap beside one that was copied before
    double frames_called;      // that an instance takes which has answered a call
};

double median(std::vector<double> values);
// Instructions that were not spent idle.
double busy(const host::MachineStats& before, const host::MachineStats& after);

// Of a template with `heap_mib` MiB of touched heap. The machine counts
// instructions (MachineOptions::icount). Throws what went wrong.
TemplateFigures measure_templates(host::Machine& machine, std::uint64_t heap_mib);

}  // namespace enclavisor::bench

#include "bench/forks.hpp"

#include <fmt/format.h>

#include <exception>

#include "bench/enclave_arm.hpp"
#include "bench/programs.hpp"
#include "bench/templates.hpp"

namespace enclavisor::bench {
namespace {

constexpr double kKibPerFrame = 4;

host::Result<TemplateFigures> measure(host::Platform platform, unsigned mib) {
    const auto machine = TRY(launch_counting(platform, mib < 1024 ? 1024 : 2048));
    try {
        return measure_templates(*machine, mib);
    } catch (const std::exception& error) {
        return host::fail(fmt::format("a template with a heap of {} MiB: {}", mib, error.what()));
    }
}

}  // namespace

host::Result<Figures> measure_forks(host::Platform platform) {
    Figures figures;
    for (const unsigned mib : kForkHeapsMib) {
        const TemplateFigures measured = TRY(measure(platform, mib));
        figures[fmt::format("fork-{}.child_first", mib)] = measured.first_instruction;
        figures[fmt::format("fork-{}.touch_exit_wait", mib)] = measured.whole_life;
        figures[fmt::format("idle-children-{}.kib_each", mib)] = measured.frames_called * kKibPerFrame;
        // The same whatever the heap.
        figures["copy-on-write.fault"] = measured.copy_on_write;
    }
    return figures;
}

}  // namespace enclavisor::bench

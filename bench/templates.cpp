#include "bench/templates.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/support/probe.hpp"

namespace enclavisor::bench {
namespace {

using tests::Probe;
using tests::ProbeOperation;

constexpr int kRounds = 21;
constexpr std::uint64_t kPagesPerMib = 256;

host::MachineStats stats(host::Machine& machine) {
    auto result = machine.stats();
    if (!result.ok()) throw std::runtime_error{result.error().text()};
    return result.value();
}

Probe::Instance fork(Probe& probe, std::uint64_t number) {
    auto forked = probe.fork(number);
    if (!forked.ok()) throw std::runtime_error{forked.error().text()};
    return forked.take();
}

void call(Probe& probe, const Probe::Instance& instance, ProbeOperation operation, std::uint64_t page) {
    if (!probe.call(instance, operation, page, 7)) throw std::runtime_error{"an instance does not answer"};
}

void destroy(Probe& probe, const Probe::Instance& instance) {
    const auto destroyed = probe.destroy(instance);
    if (!destroyed.ok()) throw std::runtime_error{destroyed.error().text()};
}

}  // namespace

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.at(values.size() / 2);
}

double busy(const host::MachineStats& before, const host::MachineStats& after) {
    return static_cast<double>((after.tsc - before.tsc) - (after.idle_ticks - before.idle_ticks));
}

TemplateFigures measure_templates(host::Machine& machine, std::uint64_t heap_mib) {
    const std::uint64_t pages = heap_mib * kPagesPerMib;
    Probe probe{machine, pages};
    TemplateFigures figures{};

    std::vector<double> first, life, write;
    // The price of the two kStats themselves.
    const double nothing = [&] {
        std::vector<double> empty;
        for (int i = 0; i < kRounds; i++) {
            const auto before = stats(machine);
            empty.push_back(busy(before, stats(machine)));
        }
        return median(empty);
    }();
    for (int i = 0; i < kRounds; i++) {
        const auto before = stats(machine);
        const auto instance = fork(probe, 0);
        call(probe, instance, ProbeOperation::kWrite, pages / 2);
        first.push_back(static_cast<double>(instance.slot->first_tsc - instance.taken_tsc));
        destroy(probe, instance);
        life.push_back(busy(before, stats(machine)) - nothing);
    }
    figures.first_instruction = median(first);
    figures.whole_life = median(life);

    const auto frames_before = stats(machine).free_frames;
    const auto instance = fork(probe, 0);
    call(probe, instance, ProbeOperation::kWrite, pages / 2);
    figures.frames_called = static_cast<double>(frames_before - stats(machine).free_frames);
    // Two calls each, the second without a fault: the difference is the fault.
    for (int i = 1; i < kRounds; i++) {
        const auto a = stats(machine);
        call(probe, instance, ProbeOperation::kWrite, pages / 2 + i);
        const auto b = stats(machine);
        call(probe, instance, ProbeOperation::kWrite, pages / 2 + i);
        const auto c = stats(machine);
        write.push_back(busy(a, b) - busy(b, c));
    }
    figures.copy_on_write = median(write);
    destroy(probe, instance);
    return figures;
}

}  // namespace enclavisor::bench
